/** Imports with records that the specification forbids and that somebody signed. */
import { encode } from '@atproto/lex-cbor'
import { describe, expect, it } from 'vitest'
import { recordValue } from '../../../src/account/repo/records.ts'
import { splitPath } from '../../../src/account/repo/recordPath.ts'
import { cborCid, rawCid } from '../../repo/fixture.ts'
import { inAccount, POST, type TestAccount } from '../support/account.ts'
import { contents, expectSound, expectWritable, freshImport } from '../support/imported.ts'
import {
  filledRepository,
  importSigned,
  path,
  picture,
  type Repository,
  text,
} from '../support/repository.ts'

const utf8 = (value: string) => new TextEncoder().encode(value)

/** A map with a field `x` of these bytes. */
const recordWith = (value: readonly number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array([0xa2, 0x61, 0x78, ...value, 0x65, ...utf8('$type'), 0x63, ...utf8('a.b')])

const FLOAT = [0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]
const MALFORMED: [string, Uint8Array<ArrayBuffer>][] = [
  ['a float', recordWith(FLOAT)],
  ['a number beyond 2^53', recordWith([0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ['bad UTF-8', recordWith([0x62, 0xc3, 0x28])],
  ['deep nesting', recordWith([...Array.from({ length: 5000 }, () => 0x81), 0x80])],
  [
    'a link of version 0',
    recordWith([0xd8, 0x2a, 0x58, 0x23, 0, 0x12, 0x20, ...Array.from({ length: 32 }, () => 7)]),
  ],
  ['a list', new Uint8Array(encode(['a list']))],
  ['a float and a blob', recordWith([0x82, ...FLOAT, ...encode(picture('in a malformed record'))])],
]

const putBytes = (repository: Repository, at: string, bytes: Uint8Array): void => {
  const cid = cborCid(bytes)
  repository.store.set(cid.toString(), bytes)
  repository.records.set(at, cid)
}

/** An account whose repository has them all. */
const withMalformed = (work: (account: TestAccount, repository: Repository) => Promise<void>) =>
  inAccount(async (account) => {
    const repository = filledRepository(account, 100)
    for (const [i, [, bytes]] of MALFORMED.entries()) putBytes(repository, path(70_000 + i), bytes)
    await importSigned(account, await repository.sign(account.clock.now - 3600_000))
    await work(account, repository)
  })

const at = (n: number) => splitPath(path(70_000 + n))

describe('records that the specification forbids', () => {
  it('come in as the bytes that were signed, and the account is sound', async () => {
    await withMalformed(async (account) => {
      for (const [i, [what, bytes]] of MALFORMED.entries()) {
        const { collection, rkey } = at(i)
        expect(account.records.get(collection, rkey)?.bytes, what).toEqual(bytes)
        expect(recordValue(bytes), what).toBeUndefined()
      }
      await expectSound(account)
    })
  })

  it('count for the blobs that they refer to', async () => {
    await withMalformed(async (account) => {
      const cid = rawCid(utf8('in a malformed record')).toString()
      expect(account.sql.all('SELECT path FROM blob_ref WHERE cid = ?', cid)).toEqual([
        { path: path(70_006) },
      ])
    })
  })

  it('come in once more with an import of nearly the same, and are deleted and replaced like others', async () => {
    await withMalformed(async (account, repository) => {
      putBytes(repository, path(70_000), recordWith([0xfb, 0x40, 0x08, 0, 0, 0, 0, 0, 0]))
      putBytes(repository, path(80_000), MALFORMED[0]?.[1] ?? new Uint8Array())
      repository.records.delete(path(70_001))
      repository.put(path(70_002), text('mended'))
      const signed = await repository.sign(account.clock.now)
      await importSigned(account, signed)
      await expectSound(account)
      expect(await contents(account)).toEqual(await freshImport(account, signed))
      await account.repo.commit([
        { action: 'delete', ...at(6) },
        { action: 'put', ...at(3), record: { $type: POST, text: 'mended too' } },
      ])
      await expectSound(account)
      const cid = rawCid(utf8('in a malformed record')).toString()
      expect(account.sql.all('SELECT path FROM blob_ref WHERE cid = ?', cid)).toEqual([])
      await expectWritable(account)
    })
  })
})
