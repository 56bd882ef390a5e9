/** Which storage the program takes, and what it refuses and leaves as it is. */
import { describe, expect, it } from 'vitest'
import { migrate, schemaVersion } from '../../../src/account/db/schema.ts'
import { Sql } from '../../../src/account/db/sql.ts'
import { inAccount, inStorage, DID } from '../support/account.ts'
import { everythingStored } from '../support/fixtures.ts'

const ADVICE =
  'Nothing was changed. Export the account with the program that made it (`pds export`), and import the folder into ' +
  'a new Worker of this program (`pds restore <folder>`).'

/** An `Sql` that takes no writes at all. */
class ReadOnly extends Sql {
  override run(): never {
    throw new Error('the program writes')
  }

  override transaction(): never {
    throw new Error('the program opens a transaction')
  }
}

const expectRefused = (storage: DurableObjectStorage, message: string): void => {
  const before = everythingStored(storage)
  expect(() => migrate(new ReadOnly(storage), DID, 0)).toThrow(message)
  expect(() => migrate(new Sql(storage), DID, 0)).toThrow(message)
  expect(everythingStored(storage)).toBe(before)
}

const latest = schemaVersion()
const expected = latest === 5 ? '5' : `5 to ${latest}`

describe('storage', () => {
  it('that is new has this version, an account that was never active, and knows everything that is removed', () =>
    inAccount(async ({ sql }) => {
      expect(sql.all('SELECT version FROM schema_version')).toContainEqual({ version: latest })
      expect(sql.all('SELECT did, state FROM account')).toEqual([{ did: DID, state: 'new' }])
      expect(sql.all('SELECT n, begins, ends, length(gone) AS gone FROM trail')).toEqual([
        { n: 0, begins: '', ends: '', gone: 0 },
      ])
    }))

  it('of this version is opened without a write', () =>
    inStorage(async (storage, open) => {
      open()
      const before = everythingStored(storage)
      migrate(new ReadOnly(storage), DID, 0)
      expect(everythingStored(storage)).toBe(before)
    }))

  it.each([1, 2, 3, 4])('of version %i, which was never released, is refused and left as it is', (version) =>
    inStorage(async (storage) => {
      storage.sql.exec(
        'CREATE TABLE schema_version (version INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT',
      )
      for (let n = 1; n <= version; n++) storage.sql.exec('INSERT INTO schema_version VALUES (?, 0)', n)
      storage.sql.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, did TEXT NOT NULL) STRICT')
      storage.sql.exec('INSERT INTO account VALUES (1, ?)', DID)
      expectRefused(
        storage,
        `The stored database has schema version ${version}; this program takes schema version ${expected}. ${ADVICE}`,
      )
    }),
  )

  it('of a later version is refused and left as it is', () =>
    inStorage(async (storage, open) => {
      open()
      storage.sql.exec('INSERT INTO schema_version (version, at) VALUES (?, 0)', latest + 1)
      expectRefused(
        storage,
        `The stored database has schema version ${latest + 1}; this program takes schema version ${expected}. Nothing was changed. A later version of Cirrus was deployed before: deploy that one again`,
      )
      expect(open).toThrow('schema version')
    }))

  it('without a version is refused and left as it is', () =>
    inStorage(async (storage, open) => {
      open()
      storage.sql.exec('DELETE FROM schema_version')
      expectRefused(storage, `The stored database has schema version unknown; `)
    }))

  it.each([
    ['other tables', 'CREATE TABLE post (id TEXT); CREATE TABLE account (id TEXT)', 'account, post'],
    ['a version and other tables', 'CREATE TABLE schema_version (version INTEGER)', 'schema_version'],
  ])('with %s is refused and left as it is', (_, ddl, names) =>
    inStorage(async (storage) => {
      storage.sql.exec(ddl)
      expectRefused(
        storage,
        `The stored database has tables that are not Cirrus's (${names}); this program takes schema version ${expected}. ${ADVICE}`,
      )
    }),
  )

  it('of another account is refused and left as it is', () =>
    inStorage(async (storage, open) => {
      open()
      const before = everythingStored(storage)
      expect(() => migrate(new Sql(storage), 'did:plc:other', 0)).toThrow(
        `this object holds ${DID}, not did:plc:other`,
      )
      expect(everythingStored(storage)).toBe(before)
    }))
})
