import { describe, expect, it } from 'vitest'
import { blob, inAccount, POST, post, type TestAccount } from '../support/account.ts'

const filled = async (account: TestAccount): Promise<void> => {
  const { repo, journal, sql } = account
  await repo.create()
  const embed = await blob(account, 'a picture')
  for (let i = 0; i < 30; i++) {
    await repo.commit([post(`r${i}`, `text ${i}`, i % 5 === 0 ? { embed } : {})])
    if (i !== 20) continue
    account.clock.now += 25 * 3600_000
    expect(account.repack.step()).toEqual({ more: false })
    expect(account.blocks.packs.current()?.blocks).toBeGreaterThan(21)
  }
  sql.transaction(() => journal.append('mint', { jti: 'x' }))
  sql.transaction(() => journal.append('activate', {}))
}

const DAMAGE: [string, string, RegExp][] = [
  [
    'a lost commit',
    `DELETE FROM loose WHERE n = (SELECT max(n) - 1 FROM loose)`,
    /tree: (record|tree node) .* is missing/,
  ],
  ['the commit', `DELETE FROM loose WHERE n = (SELECT max(n) FROM loose)`, /the commit .* is missing/],
  [
    'a lost segment of a pack',
    `DELETE FROM part WHERE n = (SELECT min(n) FROM part)`,
    /segment 1 of the pack of .* is missing/,
  ],
  ['a lost bucket', `DELETE FROM bucket`, /is missing|not where its bucket says/],
  [
    'a bucket with a wrong entry',
    `UPDATE bucket SET entries = CAST(x'${'00'.repeat(12)}' || substr(entries, 13) AS BLOB)`,
    /is missing|not where its bucket says/,
  ],
  [
    'a changed block',
    `UPDATE part SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB) WHERE n = (SELECT min(n) FROM part)`,
    /another hash/,
  ],
  [
    'a changed block of a commit',
    `UPDATE loose SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB)`,
    /another hash/,
  ],
  [
    'a segment that is cut off',
    `UPDATE part SET bytes = substr(bytes, 1, length(bytes) - 1)`,
    /segment 1 is cut off/,
  ],
  [
    'a segment of another revision',
    `UPDATE part SET made = CAST(substr(made, 1, 4) || '3zzzzzzzzzzzz' AS BLOB)`,
    /blocks of revision 3zzzzzzzzzzzz/,
  ],
  ['a segment too many', `INSERT INTO part VALUES (99, x'', x'')`, /1 rows that belong to no pack/],
  [
    'a block dropped too early',
    // `?` is the CID of a record that was packed.
    `UPDATE loose SET dropped = CAST(dropped || ? AS BLOB) WHERE n = (SELECT max(n) FROM loose)`,
    /in the tree and not current/,
  ],
  [
    'a block never dropped',
    `UPDATE loose SET dropped = x'' WHERE n = (SELECT max(n) FROM loose)`,
    /current and not in the tree/,
  ],
  [
    'a revision of the future',
    `UPDATE loose SET rev = 'z' WHERE n = (SELECT max(n) FROM loose)`,
    /revision z/,
  ],
  [
    'a record counted twice',
    `INSERT INTO repeated (cid, paths) SELECT root, 2 FROM account`,
    /repeated records: 1/,
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
        const record = account.records.cid(`${POST}/r3`)
        account.sql.run(damage, ...(record && damage.includes('?') ? [record.bytes] : []))
        // A restart deletes segments that belong to no pack.
        const report = await (damage.startsWith('INSERT INTO part') ? account : account.restart()).check()
        expect(report.ok).toBe(false)
        expect(report.problems.join('\n')).toMatch(problem)
      }))
  }
})
