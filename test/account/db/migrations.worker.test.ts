/** Databases of earlier schema versions, migrated to this program's; and this version's, by a migration made up here. */
import { describe, expect, it } from 'vitest'
import { recordValue } from '../../../src/account/repo/records.ts'
import { migrate, type Migration, MIGRATIONS, schemaVersion } from '../../../src/account/db/schema.ts'
import { Sql, type SqlValue } from '../../../src/account/db/sql.ts'
import { readAccount } from '../../../src/account/db/accountRow.ts'
import { cidsOf, dump, type Fixture, recordsOf, tablesOf } from '../../fixtures/database.ts'
import { fillEveryTable } from '../../fixtures/fillEveryTable.ts'
import { DID, inAccount, POST, post, type TestAccount, unpost } from '../support/account.ts'
import { everythingStored, fixtures, inFixture, packAndCollect } from '../support/fixtures.ts'
import { expectSound } from '../support/imported.ts'

/** Steps of every kind: a new column, a new table filled from another one by a function, and a table made again. */
const MADE_UP: Migration = [
  'ALTER TABLE account ADD COLUMN made_up TEXT',
  'CREATE TABLE made_up (n INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT',
  (sql) => {
    for (const { n, event } of sql.all<{ n: number; event: string }>('SELECT n, event FROM journal'))
      sql.run('INSERT INTO made_up (n, event) VALUES (?, ?)', n, event)
  },
  'CREATE TABLE made_again (n INTEGER PRIMARY KEY, event TEXT NOT NULL, at INTEGER) STRICT',
  'INSERT INTO made_again SELECT made_up.n, made_up.event, at FROM made_up JOIN journal ON journal.n = made_up.n',
  'DROP TABLE made_up',
  'ALTER TABLE made_again RENAME TO made_up',
]

/** The database of an account that this program has made. */
const makeFixture = (): Promise<Fixture> =>
  inAccount(async (account) => JSON.parse(await dump(account, await fillEveryTable(account))) as Fixture)

let made: Promise<Fixture> | undefined

const cases = [
  ...fixtures.map((fixture) => ({
    version: fixture.version,
    read: () => Promise.resolve(fixture),
    migrations: MIGRATIONS,
  })),
  {
    version: schemaVersion(),
    read: () => (made ??= makeFixture()),
    migrations: [...MIGRATIONS, MADE_UP],
  },
]

const rowsOf = ({ columns, rows }: Fixture['tables'][string] = { columns: [], rows: [] }) =>
  rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))

const indexed = ({ records }: TestAccount): string[] =>
  [...records.entries()].map(({ path, cid }) => `${path} ${cid}`).toSorted()

/**
 * Both programs answer the same for what is new since a revision; where its tree is known, exactly what it did not have.
 */
const sameSince = async ({ exports, blocks }: TestAccount, fixture: Fixture): Promise<void> => {
  const { since, trees, head } = fixture
  const all = await cidsOf(exports.repo().body)
  for (const [rev, cids] of Object.entries(since)) {
    const tree = blocks.history.knows(rev) ? trees[rev] : undefined
    const wanted = tree ? all.filter((cid) => cid === head.root || !tree.includes(cid)) : cids
    expect([rev, await cidsOf(exports.repo({ since: rev }).body)]).toEqual([rev, wanted])
  }
}

/** Storage that fails at one of its writes. */
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
  expect(fixtures.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => schemaVersion([]) + i))
})

it('the account of a fixture leaves a row in every table', async () => {
  const { tables } = await (made ??= makeFixture())
  expect(Object.keys(tables).filter((name) => tables[name]?.rows.length === 0)).toEqual([])
})

describe.each(cases)('an account of schema version $version', ({ version, read, migrations }) => {
  const inOld = async (
    work: (fixture: Fixture, open: () => TestAccount, storage: DurableObjectStorage) => Promise<void>,
  ): Promise<void> => {
    const fixture = await read()
    await inFixture(fixture, (open, storage) => work(fixture, open, storage), migrations)
  }

  it('is the same account', () =>
    inOld(async (fixture, open) => {
      const account = open()
      const { root, data, rev } = account.repo.requireHead()
      expect({ root: `${root}`, data: `${data}`, rev }).toEqual(fixture.head)
      await expectSound(account)
      expect(await recordsOf(account, fixture.signingKey)).toEqual(fixture.records)
      expect(indexed(account)).toEqual(fixture.records)
      expect(account.journal.verify()).toEqual({ ok: true, entries: fixture.tables.journal?.rows.length })
      expect(account.preferences.get({ personalDetails: true })).toHaveLength(2)
      expect(readAccount(account.sql).storedState).toBe('active')
      expect(account.blobs.counts()).toEqual({ expected: 2, stored: 2, bytes: 16 })
    }))

  it('keeps every row of the tables that are still there', () =>
    inOld(async (fixture, open, storage) => {
      open()
      const tables = tablesOf(storage)
      for (const [name, before] of Object.entries(fixture.tables)) {
        const after = tables[name]
        if (name === 'schema_version') expect(rowsOf(after)).toHaveLength(migrations.length + 1)
        // An import that did not end is dropped when the account is opened.
        else if (name === 'staged') expect(rowsOf(after)).toEqual([])
        else if (name === 'account') expect(rowsOf(after)).toMatchObject(rowsOf(before).map(unstaged))
        // A column that a migration has added is one more here.
        else if (after?.columns.length !== before.columns.length)
          expect([name, rowsOf(after)]).toMatchObject([name, rowsOf(before)])
        else expect([name, rowsOf(after)]).toEqual([name, rowsOf(before)])
      }
    }))

  it('exports the same since a revision as before, also when it is packed', () =>
    inOld(async (fixture, open) => {
      const account = open()
      await sameSince(account, fixture)
      packAndCollect(account)
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      await sameSince(account.restart(), fixture)
      await expectSound(account)
      expect(await recordsOf(account, fixture.signingKey)).toEqual(fixture.records)
    }))

  it('takes writes, is packed and starts again', () =>
    inOld(async (fixture, open) => {
      const account = open()
      const { repo, key } = account
      const before = repo.requireHead().rev
      const cids = new Map(fixture.records.map((line) => line.split(' ') as [string, string]))
      // Of four paths with the same record two are left and a fifth was added; then only one is left.
      await repo.commit([unpost('same-a'), unpost('same-c')])
      await expectSound(account)
      await repo.commit([unpost('same-e'), unpost('twin-a'), post('new', 'text')])
      await repo.commit([post('p3', 'back'), post('blob-a', 'no blob')])
      await expectSound(account)
      for (const rkey of ['same-a', 'same-c', 'same-e', 'twin-a']) cids.delete(`${POST}/${rkey}`)
      const now = await recordsOf(account, key.did())
      expect(now.map((line) => line.split(' ')[0])).toEqual(
        [...cids.keys(), `${POST}/new`, `${POST}/p3`].toSorted(),
      )
      const since = await cidsOf(account.exports.repo({ since: before }).body)
      packAndCollect(account)
      expect(account.repack.hasReplacedRows).toBe(false)
      await expectSound(account)
      expect(await recordsOf(account, key.did())).toEqual(now)
      const later = account.restart()
      expect(await cidsOf(later.exports.repo({ since: before }).body)).toEqual(since)
      await later.repo.commit([unpost('new')])
      await expectSound(later)
    }))

  it('knows the last revision before the migration exactly, and the earlier ones as before', () =>
    inOld(async (fixture, open) => {
      const account = open()
      const { repo, records, exports } = account
      const last = repo.requireHead().rev
      const before = await cidsOf(exports.repo().body)
      const record = records.get(POST, 'p10')
      if (!record) throw new Error('p10 is not there')
      await repo.commit([unpost('p10')])
      await repo.commit([
        { action: 'put', collection: POST, rkey: 'p10', record: recordValue(record.bytes) ?? {} },
      ])
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

  it('is migrated once', () =>
    inOld(async (_, open, storage) => {
      const { sql, platform } = open()
      const [before, written] = [everythingStored(storage), sql.written]
      migrate(sql, DID, platform.now(), migrations)
      open()
      expect(sql.written - written).toBe(0)
      expect(everythingStored(storage)).toBe(before)
    }))

  it('stays completely as it was wherever the migration fails, and is migrated later', () =>
    inOld(async (fixture, open, storage) => {
      const before = everythingStored(storage)
      /** Fails after so many writes, at the latest after the last: none of them may stay. */
      const attempt = (writes: number): string => {
        try {
          return storage.transactionSync(() => {
            migrate(new Failing(storage, writes), DID, fixture.now, migrations)
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
        expect(everythingStored(storage) === before).toBe(true)
      }
      expect(steps).toBeGreaterThan(version < schemaVersion() ? 2 : 14)
      const account = open()
      await expectSound(account)
      expect(await recordsOf(account, fixture.signingKey)).toEqual(fixture.records)
    }))

  it.runIf(version === schemaVersion())(
    'stays completely as it was where a step cannot be done, and is migrated later',
    () =>
      inOld(async (_, open, storage) => {
        storage.sql.exec('CREATE VIEW made_again AS SELECT * FROM rate')
        const before = everythingStored(storage)
        expect(open).toThrow('made_again already exists')
        expect(everythingStored(storage)).toBe(before)
        storage.sql.exec('DROP VIEW made_again')
        await expectSound(open())
      }),
  )
})

const unstaged = (row: Record<string, unknown>): Record<string, unknown> => ({ ...row, staging: null })
