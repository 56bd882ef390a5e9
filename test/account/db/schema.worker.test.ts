/** The storage that earlier versions of this program left, taken over by this one. */
import { describe, expect, it, vi } from 'vitest'
import { recordValue } from '../../../src/account/repo/records.ts'
import { migrate, MIGRATIONS } from '../../../src/account/db/schema.ts'
import { Sql, type SqlValue } from '../../../src/account/db/sql.ts'
import { readAccount } from '../../../src/account/db/accountRow.ts'
import { cidsOf, type Fixture, recordsOf, tablesOf } from '../../fixtures/database.ts'
import { DID, inStorage, POST, post, type TestAccount, unpost } from '../support/account.ts'
import { fixtures, inFixture, lost, sound, stored, tidy } from '../support/versions.ts'

vi.setConfig({ testTimeout: 60_000 })

/** What a migration has made something else of. */
const GONE = ['block', 'garbage', 'record']

const rowsOf = ({ columns, rows }: Fixture['tables'][string] = { columns: [], rows: [] }) =>
  rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))

const indexed = ({ records }: TestAccount): string[] =>
  [...records.entries()].map(({ path, cid }) => `${path} ${cid}`).toSorted()

/** What was new since a revision, by both programs; exactly what its tree did not have, where that is known. */
const sameSince = async ({ exports, blocks }: TestAccount, fixture: Fixture): Promise<void> => {
  const { since, trees, head } = fixture
  const all = await cidsOf(exports.repo().body)
  for (const [rev, cids] of Object.entries(since)) {
    const tree = blocks.history.knows(rev) ? trees?.[rev] : undefined
    const wanted = tree ? all.filter((cid) => cid === head.root || !tree.includes(cid)) : cids
    expect([rev, await cidsOf(exports.repo({ since: rev }).body)]).toEqual([rev, wanted])
  }
}

/** Fails at one of its writes. */
class Failing extends Sql {
  left: number

  constructor(storage: DurableObjectStorage, after: number) {
    super(storage)
    this.left = after
  }

  override run(query: string, ...params: SqlValue[]): number {
    if (this.left-- === 0) throw new Error('the storage fails')
    return super.run(query, ...params)
  }
}

it('there is a fixture of every version before this one', () => {
  expect(fixtures.map(({ version }) => version)).toEqual(MIGRATIONS.slice(1).map((_, i) => i + 1))
})

describe.each(fixtures)('an account of schema version $version', (fixture) => {
  const { version } = fixture

  it('is the same account', () =>
    inFixture(fixture, async (open) => {
      const account = open()
      const { root, data, rev } = account.repo.load()
      expect({ root: `${root}`, data: `${data}`, rev }).toEqual(fixture.head)
      await sound(account)
      expect(await recordsOf(account, fixture.signingKey)).toEqual(fixture.records)
      expect(indexed(account)).toEqual(fixture.records)
      expect(account.journal.verify()).toEqual({ ok: true, entries: fixture.tables.journal?.rows.length })
      expect(account.preferences.get()).toHaveLength(2)
      expect(readAccount(account.sql).stored).toBe('active')
      expect(account.blobs.counts()).toEqual({ expected: 2, stored: 2, bytes: 16 })
    }))

  it('keeps every row of the tables that are still there', () =>
    inFixture(fixture, async (open, storage) => {
      open()
      const tables = tablesOf(storage)
      for (const [name, before] of Object.entries(fixture.tables)) {
        if (GONE.includes(name)) expect(tables).not.toHaveProperty(name)
        else if (name === 'schema_version') expect(rowsOf(tables[name])).toHaveLength(MIGRATIONS.length)
        else if (name === 'account') expect(rowsOf(tables[name])).toMatchObject(rowsOf(before).map(unstaged))
        else expect([name, rowsOf(tables[name])]).toEqual([name, rowsOf(before)])
      }
    }))

  it('tells what came since a revision as before, also when it is packed', () =>
    inFixture(fixture, async (open) => {
      const account = open()
      await sameSince(account, fixture)
      tidy(account)
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      await sameSince(account.restart(), fixture)
      await sound(account)
      expect(await recordsOf(account, fixture.signingKey)).toEqual(fixture.records)
    }))

  it('goes on', () =>
    inFixture(fixture, async (open) => {
      const account = open()
      const { repo, key } = account
      const before = repo.load().rev
      const cids = new Map(fixture.records.map((line) => line.split(' ') as [string, string]))
      // Of four paths with the same record two are left and a fifth has come; then there is but one.
      await repo.commit([unpost('same-a'), unpost('same-c')])
      await sound(account)
      await repo.commit([unpost('same-e'), unpost('twin-a'), post('new', 'text')])
      await repo.commit([post('p3', 'back'), post('blob-a', 'no blob')])
      await sound(account)
      for (const rkey of ['same-a', 'same-c', 'same-e', 'twin-a']) cids.delete(`${POST}/${rkey}`)
      const now = await recordsOf(account, key.did())
      expect(now.map((line) => line.split(' ')[0])).toEqual(
        [...cids.keys(), `${POST}/new`, `${POST}/p3`].toSorted(),
      )
      const since = await cidsOf(account.exports.repo({ since: before }).body)
      tidy(account)
      expect(account.repack.waits).toBe(false)
      await sound(account)
      expect(await recordsOf(account, key.did())).toEqual(now)
      const later = account.restart()
      expect(await cidsOf(later.exports.repo({ since: before }).body)).toEqual(since)
      await later.repo.commit([unpost('new')])
      await sound(later)
    }))

  it('knows the trees from the last revision before exactly, and those before it as before', () =>
    inFixture(fixture, async (open) => {
      const account = open()
      const { repo, records, exports } = account
      const last = repo.load().rev
      const before = await cidsOf(exports.repo().body)
      const record = records.get(POST, 'p10') ?? lost()
      await repo.commit([unpost('p10')])
      await repo.commit([{ action: 'put', collection: POST, rkey: 'p10', record: recordValue(record.bytes) }])
      const all = await cidsOf(exports.repo().body)
      expect(all).toContain(`${record.cid}`)
      const exact = all.filter((cid) => !before.includes(cid))
      expect(exact).not.toContain(`${record.cid}`)
      expect(await cidsOf(exports.repo({ since: last }).body)).toEqual(exact)
      for (const [rev, cids] of Object.entries(fixture.since)) {
        if (account.blocks.history.knows(rev)) continue
        const diff = await cidsOf(exports.repo({ since: rev }).body)
        expect(diff).toContain(`${record.cid}`)
        expect(cids.filter((cid) => all.includes(cid) && !diff.includes(cid))).toEqual([])
      }
      while (account.repack.step().more);
      expect(await cidsOf(exports.repo({ since: last }).body)).toEqual(exact)
    }))

  it('is brought up to date once', () =>
    inFixture(fixture, async (open, storage) => {
      const { sql, platform } = open()
      const [before, written] = [stored(storage), sql.written]
      migrate(sql, DID, platform.now())
      open()
      expect(sql.written - written).toBe(0)
      expect(stored(storage)).toBe(before)
    }))

  it('stays as it was, whole, wherever the migration fails, and is brought up to date later', () =>
    inFixture(fixture, async (open, storage) => {
      const before = stored(storage)
      /** Fails after so many writes, at the latest after the last: nothing of it is to stay. */
      const attempt = (writes: number): string => {
        try {
          return storage.transactionSync(() => {
            migrate(new Failing(storage, writes), DID, fixture.now)
            throw new Error('all was written')
          })
        } catch (cause) {
          return (cause as Error).message
        }
      }
      let steps = 0
      for (let failed = ''; failed !== 'all was written'; steps++) {
        failed = attempt(steps)
        expect(failed).toMatch(/^(the storage fails|all was written)$/)
        expect(stored(storage) === before).toBe(true)
      }
      expect(steps).toBeGreaterThan(version < 3 ? 50 : 3)
      const account = open()
      await sound(account)
      expect(await recordsOf(account, fixture.signingKey)).toEqual(fixture.records)
    }))

  it.runIf('record' in fixture.tables)('stays as it was, whole, where the last step cannot be done', () =>
    inFixture(fixture, async (open, storage) => {
      // A view can be read like the table, but not dropped as one.
      storage.sql.exec('ALTER TABLE record RENAME TO record_kept')
      storage.sql.exec('CREATE VIEW record AS SELECT * FROM record_kept')
      const before = stored(storage)
      expect(open).toThrow('DROP VIEW')
      expect(stored(storage)).toBe(before)
      storage.sql.exec('DROP VIEW record')
      storage.sql.exec('ALTER TABLE record_kept RENAME TO record')
      await sound(open())
    }),
  )
})

describe('storage', () => {
  it('of a later version is refused and left alone', () =>
    inStorage(async (storage, open) => {
      open()
      storage.sql.exec('INSERT INTO schema_version (version, at) VALUES (?, 0)', MIGRATIONS.length + 1)
      const before = stored(storage)
      expect(open).toThrow(
        `the storage has schema version ${MIGRATIONS.length + 1}, this program knows ${MIGRATIONS.length}`,
      )
      expect(stored(storage)).toBe(before)
    }))

  it('of another account is refused', () =>
    inStorage(async (_, open) => {
      const { sql } = open()
      expect(() => migrate(sql, 'did:plc:other', 0)).toThrow(`this object holds ${DID}, not did:plc:other`)
    }))
})

const unstaged = (row: Record<string, unknown>): Record<string, unknown> => ({ ...row, staging: null })
