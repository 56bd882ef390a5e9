import { describe, expect, it, vi } from 'vitest'
import { blob, inAccount, post, type TestAccount } from './support/account.ts'

vi.setConfig({ testTimeout: 60_000 })

const filled = async (account: TestAccount): Promise<void> => {
  const { repo, journal, sql } = account
  await repo.create()
  const embed = await blob(account, 'a picture')
  for (let i = 0; i < 30; i++) await repo.commit([post(`r${i}`, `text ${i}`, i % 5 === 0 ? { embed } : {})])
  sql.transaction(() => journal.append('mint', { jti: 'x' }))
  sql.transaction(() => journal.append('activate', {}))
}

const DAMAGE: [string, string, RegExp][] = [
  [
    'a record block',
    `DELETE FROM block WHERE cid = (SELECT cid FROM record LIMIT 1)`,
    /tree: record .* is missing/,
  ],
  [
    'the root node',
    `DELETE FROM block WHERE cid = (SELECT data FROM account)`,
    /tree: tree node .* is missing/,
  ],
  ['the commit', `DELETE FROM block WHERE cid = (SELECT root FROM account)`, /the commit .* is missing/],
  [
    'a changed block',
    `UPDATE block SET bytes = x'a0' WHERE cid = (SELECT cid FROM record LIMIT 1)`,
    /another hash/,
  ],
  [
    'a changed block that was dropped',
    `UPDATE block SET bytes = x'00' WHERE dropped IS NOT NULL`,
    /another hash/,
  ],
  [
    'a block dropped too early',
    `UPDATE block SET dropped = 'z' WHERE cid = (SELECT cid FROM record LIMIT 1)`,
    /current/,
  ],
  [
    'a block never dropped',
    `UPDATE block SET dropped = NULL WHERE dropped IS NOT NULL`,
    /current and not in the tree/,
  ],
  [
    'a block of a revision to come',
    `INSERT INTO block (cid, made, bytes) SELECT cid, 'z', bytes FROM block LIMIT 1`,
    /revision z/,
  ],
  [
    'a record missing from the index',
    `DELETE FROM record WHERE path LIKE '%/r7'`,
    /record index: .*r7 is missing/,
  ],
  [
    'a record only in the index',
    `INSERT INTO record SELECT path || 'x', cid, rev FROM record LIMIT 1`,
    /is not in the tree/,
  ],
  [
    'another record in the index',
    `UPDATE record SET cid = (SELECT root FROM account) WHERE path LIKE '%/r7'`,
    /in the tree/,
  ],
  ['a lost blob reference', `DELETE FROM blob_ref WHERE path LIKE '%/r5'`, /refers to .* not recorded/],
  [
    'a blob reference too many',
    `INSERT INTO blob_ref VALUES ('bafkrei', 'a/b', 'r')`,
    /blob references: 7 stored, 6/,
  ],
  ['a wrong count of records', `UPDATE account SET records = records + 1`, /counts: 31 records/],
  ['a wrong count of blocks', `UPDATE account SET blocks = blocks - 1`, /counts: .* blocks/],
  ['another revision', `UPDATE account SET rev = '3zzzzzzzzzzz2'`, /the commit says rev/],
  ['a lost event', `DELETE FROM event WHERE seq = (SELECT min(seq) + 3 FROM event)`, /events: 29 from/],
  [
    'events in another order',
    `UPDATE event SET rev = '2222222222222' WHERE seq = (SELECT max(seq) FROM event)`,
    /goes back/,
  ],
  ['a changed journal', `UPDATE journal SET event = 'sign' WHERE n = 1`, /journal: row 1/],
  [
    'a lost list of garbage',
    `DELETE FROM garbage WHERE rev = (SELECT min(rev) FROM garbage)`,
    /listed for collection/,
  ],
]

describe('check', () => {
  it('finds nothing wrong with a sound account, and counts it', () =>
    inAccount(async (account) => {
      expect((await account.check()).problems).toEqual([])
      await filled(account)
      expect(await account.check()).toMatchObject({
        ok: true,
        problems: [],
        summary: { records: 30, blobs: { expected: 1, stored: 1, bytes: 9 }, events: 30, journal: 2 },
      })
    }))

  for (const [name, damage, problem] of DAMAGE) {
    it(`finds ${name}`, () =>
      inAccount(async (account) => {
        await filled(account)
        account.sql.run(damage)
        const report = await account.check()
        expect(report.ok).toBe(false)
        expect(report.problems.join('\n')).toMatch(problem)
      }))
  }
})
