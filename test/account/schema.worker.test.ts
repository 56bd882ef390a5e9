/** The storage that earlier versions of this program left, taken over by this one. */
import { encode } from '@atproto/lex-cbor'
import { describe, expect, it, vi } from 'vitest'
import { cborCid } from '../../src/repo/cid.ts'
import { recordValue } from '../../src/account/records.ts'
import { migrate, MIGRATIONS } from '../../src/account/schema.ts'
import { Sql, type SqlValue } from '../../src/account/sql.ts'
import { beginTrail } from '../../src/account/store/beginTrail.ts'
import { readAccount } from '../../src/account/state.ts'
import { nextTid } from '../../src/repo/tid.ts'
import { cidsOf, ddlOf, type Fixture, recordsOf, restore, tablesOf } from '../fixtures/database.ts'
import v1 from '../fixtures/schema-v1.json?raw'
import v2 from '../fixtures/schema-v2.json?raw'
import v3 from '../fixtures/schema-v3.json?raw'
import { DID, inStorage, POST, post, type TestAccount, unpost } from './support/account.ts'

vi.setConfig({ testTimeout: 60_000 })

const fixtures = [v1, v2, v3].map((text) => JSON.parse(text) as Fixture)

const HOUR = 3600_000
/** What a migration has made something else of. */
const GONE = ['block', 'garbage', 'record']

const inFixture = (
  fixture: Fixture,
  work: (open: () => TestAccount, storage: DurableObjectStorage) => Promise<void>,
): Promise<void> =>
  inStorage((storage, open) => {
    restore(storage, fixture)
    return work(() => open(fixture.now + HOUR), storage)
  })

/** Everything that is stored. */
const stored = (storage: DurableObjectStorage): string => JSON.stringify([ddlOf(storage), tablesOf(storage)])

const rowsOf = ({ columns, rows }: Fixture['tables'][string] = { columns: [], rows: [] }) =>
  rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))

const sound = async (account: TestAccount): Promise<void> =>
  expect((await account.check()).problems).toEqual([])

const indexed = ({ records }: TestAccount): string[] =>
  [...records.entries()].map(({ path, cid }) => `${path} ${cid}`).toSorted()

/** What was new since a revision, by both programs; exactly what its tree did not have, where that is known. */
const sameSince = async ({ exports, blocks }: TestAccount, fixture: Fixture): Promise<void> => {
  const { since, trees, head } = fixture
  const all = await cidsOf(exports.repo().body)
  for (const [rev, cids] of Object.entries(since)) {
    const tree = blocks.past.knows(rev) ? trees?.[rev] : undefined
    const wanted = tree ? all.filter((cid) => cid === head.root || !tree.includes(cid)) : cids
    expect([rev, await cidsOf(exports.repo({ since: rev }).body)]).toEqual([rev, wanted])
  }
}

/** Days go by: all is packed anew, and what was there before is deleted. */
const tidy = ({ repack, clock }: TestAccount): void => {
  clock.now += 25 * HOUR
  while (repack.step().more);
  clock.now += 2 * HOUR
  while (repack.collect(clock.now - HOUR).more);
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
        if (account.blocks.past.knows(rev)) continue
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

const [first, second, third] = fixtures

it('schema version 3 knows its past from the oldest pack on behind which no row is gone', () =>
  inFixture(third ?? lost(), async (open) => {
    const { blocks, sql } = open()
    const known = Object.keys(third?.since ?? {}).map((rev) => blocks.past.knows(rev))
    expect(known).toEqual([false, true, true, true])
    const [oldest] = sql.all<{ rev: string }>('SELECT rev FROM pack ORDER BY id')
    expect(sql.all('SELECT begins, ends, length(gone) AS gone FROM trail')).toEqual([
      { begins: oldest?.rev, ends: oldest?.rev, gone: 0 },
    ])
    sql.run('DELETE FROM trail')
    sql.run('DELETE FROM loose WHERE n = (SELECT min(n) FROM loose)')
    beginTrail(sql)
    // A row is gone behind the first.
    const [, second] = sql.all<{ rev: string }>('SELECT rev FROM pack ORDER BY id')
    expect(sql.all('SELECT begins FROM trail')).toEqual([{ begins: second?.rev }])
    sql.run('DELETE FROM trail; DELETE FROM loose')
    beginTrail(sql)
    const newest = sql.first('SELECT rev AS begins FROM pack ORDER BY id DESC LIMIT 1')
    expect(sql.all('SELECT begins FROM trail')).toEqual([newest])
  }))

describe('the rows of blocks', () => {
  it('of any size, and many of one revision, become rows that the storage takes', () =>
    inFixture(second ?? lost(), async (open, { sql }) => {
      const [made] = Object.keys(second?.since ?? {})
      const cids = Array.from({ length: 12 }, (_, i) => {
        const bytes = encode({ $type: POST, text: 'x'.repeat(i % 2 === 0 ? 900_000 + i : 1_899_900 - i) })
        const cid = cborCid(bytes)
        sql.exec('INSERT INTO block VALUES (?, ?, ?, ?)', cid.bytes, made, second?.head.rev, bytes)
        return cid
      })
      const dropped = Buffer.concat(cids.map((cid) => cid.bytes))
      sql.exec('INSERT INTO garbage VALUES (?, 99, 0, ?)', second?.head.rev, dropped)
      const account = open()
      const { largest } =
        account.sql.first<{ largest: number }>('SELECT max(length(bytes)) AS largest FROM loose') ?? {}
      expect(largest).toBeLessThan(1_900_100)
      await sound(account)
      for (const cid of cids)
        expect([account.blocks.read(cid)?.length, account.blocks.isCurrent(cid)]).toEqual([
          expect.any(Number),
          false,
        ])
      tidy(account)
      expect(cids.filter((cid) => account.blocks.read(cid))).toEqual([])
      await sound(account)
    }))

  it('of an import that did not end are no longer there, also where the head has gone past it', () =>
    inFixture(second ?? lost(), async (open, { sql }) => {
      const past = nextTid(Date.parse('2026-11-22T12:00:00Z'))
      const { rowsWritten } = sql.exec(
        'UPDATE block SET made = ? WHERE made = (SELECT staging FROM account)',
        past,
      )
      expect(rowsWritten).toBeGreaterThan(20)
      sql.exec('UPDATE account SET staging = ?', past)
      await sound(open())
    }))

  it('of an import that did not end are no longer there, where there was no repository yet', () =>
    inFixture(first ?? lost(), async (open, { sql }) => {
      const staging = Object.keys(first?.since ?? {})[0]
      sql.exec('DELETE FROM garbage; DELETE FROM record; DELETE FROM blob_ref; DELETE FROM event')
      sql.exec('UPDATE OR REPLACE block SET dropped = NULL, made = ?', staging)
      sql.exec(
        'UPDATE account SET root = NULL, data = NULL, rev = NULL, blocks = 0, records = 0, staging = ?',
        staging,
      )
      const account = open()
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      await sound(account)
      await account.repo.create()
      await sound(account)
    }))
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

const lost = (): never => {
  throw new Error('no fixture')
}

const unstaged = (row: Record<string, unknown>): Record<string, unknown> => ({ ...row, staging: null })
