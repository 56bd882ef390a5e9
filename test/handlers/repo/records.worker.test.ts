/** What clients put in and get back: records, and the blobs that they name. */
import { parseCid } from '@atproto/lex-data'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { put, upload } from '../support/blobs.ts'
import { bytesOf, failure, post } from '../support/calls.ts'
import { importRecord } from '../support/importRecord.ts'
import { inWorld } from '../support/world.ts'

const COLLECTION = 'app.bsky.feed.post'
const RKEY = '3jzfcijpj2z2a'
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const record = { $type: COLLECTION, text: 'hello', createdAt: '2026-11-22T00:00:00.000Z' }

describe('a write that names the commit or record it follows', () => {
  const writes: [string, (owner: Client, repo: string) => Promise<unknown>][] = [
    [
      'createRecord',
      ({ com }, repo) =>
        com.atproto.repo.createRecord({ repo, collection: COLLECTION, record, swapCommit: CID }),
    ],
    [
      'putRecord',
      ({ com }, repo) =>
        com.atproto.repo.putRecord({ repo, collection: COLLECTION, rkey: RKEY, record, swapRecord: CID }),
    ],
    [
      'deleteRecord',
      ({ com }, repo) =>
        com.atproto.repo.deleteRecord({ repo, collection: COLLECTION, rkey: RKEY, swapCommit: CID }),
    ],
    [
      'applyWrites',
      ({ com }, repo) =>
        com.atproto.repo.applyWrites({
          repo,
          writes: [{ $type: 'com.atproto.repo.applyWrites#create', collection: COLLECTION, value: record }],
          swapCommit: CID,
        }),
    ],
  ]
  it.each(writes)('answers InvalidSwap to %s when it is another one', (_, write) =>
    inWorld({}, async ({ did, head, signIn }) => {
      const owner = await signIn()
      const rkey = RKEY
      await owner.com.atproto.repo.putRecord({ repo: did, collection: COLLECTION, rkey, record })
      const before = await head()
      await expect(write(owner, did)).rejects.toMatchObject({ status: 400, error: 'InvalidSwap' })
      expect(await head()).toEqual(before)
    }),
  )
})

describe('getRecord', () => {
  it('gives a record as it was created', () =>
    inWorld({}, async ({ client, did: repo, signIn }) => {
      const { uri, cid } = await post(await signIn(), repo)
      const rkey = uri.split('/').at(-1) ?? ''
      expect(await client.com.atproto.repo.getRecord({ repo, collection: COLLECTION, rkey })).toEqual({
        uri,
        cid,
        value: record,
      })
    }))

  it('answers RecordNotFound where there is no record of that key, or of that CID', () =>
    inWorld({}, async ({ client, did: repo, signIn }) => {
      const { uri } = await post(await signIn(), repo)
      const rkey = uri.split('/').at(-1) ?? ''
      const { getRecord } = client.com.atproto.repo
      for (const params of [{ rkey: 'other' }, { rkey, cid: CID }])
        await expect(getRecord({ repo, collection: COLLECTION, ...params })).rejects.toMatchObject({
          status: 400,
          error: 'RecordNotFound',
        })
    }))
})

describe('the blob of a record', () => {
  it('must be stored: BlobNotFound', () =>
    inWorld({}, async ({ did, signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'picture', 'image/png')
      const ref = { $link: 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku' }
      for (const write of [
        put(owner, did, 'a', { blob: { ...blob, ref } }),
        owner.com.atproto.repo.createRecord({
          repo: did,
          collection: 'com.example.thing',
          record: { blob: { ...blob, ref } },
        }),
        owner.com.atproto.repo.applyWrites({
          repo: did,
          writes: [
            {
              $type: 'com.atproto.repo.applyWrites#create',
              collection: 'com.example.thing',
              value: { blob: { ...blob, ref } },
            },
          ],
        }),
      ])
        expect(await failure(write)).toMatchObject({ status: 400, error: 'BlobNotFound' })
    }))

  it('is as the record says, each time that a record names it, and in all that it says', () =>
    inWorld({}, async ({ did, signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'picture', 'image/png')
      const jpeg = { ...blob, mimeType: 'image/jpeg' }
      const wrongSize = { ...blob, size: 8 }
      const refused = async (record: Record<string, unknown>) =>
        (await failure(put(owner, did, 'b', record))).error
      for (const _ of ['nobody refers to it', 'a record does']) {
        expect(await refused({ blob: jpeg })).toBe('InvalidMimeType')
        expect(await refused({ blob: wrongSize })).toBe('InvalidSize')
        expect(await refused({ blob, more: [jpeg] })).toBe('InvalidMimeType')
        expect(await refused({ more: [jpeg], blob })).toBe('InvalidMimeType')
        expect(await refused({ blob: { ...blob, size: -1 } })).toBe('InvalidRequest')
        await put(owner, did, 'a', { blob })
      }
    }))

  it('may be lost, or stored under another type, and the record still be edited, but not what it says of it', () =>
    inWorld({}, async ({ account, client, did: repo, signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'picture', 'image/png')
      await put(owner, repo, 'a', { blob })
      for (const loss of [`UPDATE blob SET mime = 'application/octet-stream'`, 'DELETE FROM blob']) {
        account.sql.run(loss)
        await put(owner, repo, 'a', { blob, text: loss })
        const { value } = await client.com.atproto.repo.getRecord({
          repo,
          collection: 'com.example.thing',
          rkey: 'a',
        })
        expect(value).toMatchObject({ blob, text: loss })
        for (const other of [{ mimeType: 'image/jpeg' }, { size: 3 }])
          await expect(put(owner, repo, 'a', { blob: { ...blob, ...other } })).rejects.toThrow(blob.ref.$link)
      }
      // Another record does not get it.
      expect((await failure(put(owner, repo, 'b', { blob }))).error).toBe('BlobNotFound')
    }))

  it('counts where an imported record does not say its size', () =>
    inWorld({}, async (world) => {
      const { admin, client, did } = world
      const { ref, ...blob } = await upload(await world.signIn(), 'old picture', 'image/png')
      await importRecord(world, 'com.example.thing/a', {
        $type: 'com.example.thing',
        blob: { ...blob, ref: parseCid(ref.$link), size: -1 },
      })
      expect((await client.com.atproto.sync.listBlobs({ did })).cids).toEqual([ref.$link])
      expect((await admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))
})

describe('the legacy form of a blob reference', () => {
  it('that came in with a float have no JSON: getRecord says so, listRecords leaves them out, and they can be deleted', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const at = { collection: 'com.example.thing', rkey: 'a' }
      const float = [0xa1, 0x61, 0x78, 0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]
      await importRecord(world, 'com.example.thing/a', new Uint8Array(float))
      const refused = await failure(owner.com.atproto.repo.getRecord({ repo: world.did, ...at }))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain(`at://${world.did}/com.example.thing/a`)
      expect(refused.message).toContain('com.atproto.sync.getRecord')
      const { records } = await owner.com.atproto.repo.listRecords({
        repo: world.did,
        collection: at.collection,
      })
      expect(records).toEqual([])
      expect(
        (await bytesOf(await owner.com.atproto.sync.getRecord({ did: world.did, ...at }))).length,
      ).toBeGreaterThan(0)
      await owner.com.atproto.repo.deleteRecord({ repo: world.did, ...at })
      expect((await failure(owner.com.atproto.repo.getRecord({ repo: world.did, ...at }))).error).toBe(
        'RecordNotFound',
      )
    }))

  it('is refused, but where the record had it; a profile that is updated gets it in the form of today', () =>
    inWorld({}, async (world) => {
      const { client, did: repo } = world
      const owner = await world.signIn()
      const { com } = owner
      const { ref, ...stored } = await upload(owner, 'face', 'image/png')
      const legacy = { cid: ref.$link, mimeType: 'image/jpeg' }
      const created = await failure(put(owner, repo, 'a', { thumb: legacy }))
      expect(created).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(created.message).toContain('Legacy blobs are not allowed')
      const profile = { repo, collection: 'app.bsky.actor.profile', rkey: 'self' }
      const save = (record: Record<string, unknown>) => com.atproto.repo.putRecord({ ...profile, record })
      await expect(save({ avatar: legacy })).rejects.toThrow('Legacy blobs are not allowed')
      await importRecord(world, 'app.bsky.actor.profile/self', { $type: profile.collection, avatar: legacy })
      await save({ avatar: legacy, banner: legacy, displayName: 'Alice' })
      const blob = { ...stored, ref }
      expect((await client.com.atproto.repo.getRecord(profile)).value).toEqual({
        $type: profile.collection,
        avatar: blob,
        // It was not there before, and it is stored all the same.
        banner: blob,
        displayName: 'Alice',
      })
    }))
})

describe('the key of a record', () => {
  const create = (owner: Client, repo: string, collection: string, rkey: string, validate?: boolean) =>
    owner.com.atproto.repo.createRecord({
      repo,
      collection,
      rkey,
      record: RECORDS[collection] ?? {},
      validate,
    })
  const RECORDS: Record<string, Record<string, unknown>> = {
    [COLLECTION]: record,
    'app.bsky.actor.profile': {},
    'com.atproto.lexicon.schema': { lexicon: 1 },
    'app.bsky.feed.generator': {
      did: 'did:web:feed.example.com',
      displayName: 'x',
      createdAt: record.createdAt,
    },
    'com.example.thing': {},
  }

  it.each([
    [COLLECTION, '3jzfcijpj2z2a', 'self', 'a TID'],
    ['app.bsky.actor.profile', 'self', '3jzfcijpj2z2a', '"self"'],
    ['com.atproto.lexicon.schema', 'com.example.thing', 'self', 'an NSID'],
    ['app.bsky.feed.generator', 'whats-hot', 'a b', 'Record Key'],
    ['com.example.thing', 'anything', '..', 'Record Key'],
  ])('of %s is as the lexicon says, like %s', (collection, good, bad, expected) =>
    inWorld({}, async ({ did, signIn }) => {
      const owner = await signIn()
      const refused = await failure(create(owner, did, collection, bad))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain(expected)
      await create(owner, did, collection, good)
    }),
  )

  it('may be any record key where the client asks for no validation', () =>
    inWorld({}, async ({ did, signIn }) => {
      const owner = await signIn()
      expect(await create(owner, did, COLLECTION, 'self', false)).not.toHaveProperty('validationStatus')
      await expect(create(owner, did, COLLECTION, 'a/b', false)).rejects.toMatchObject({ status: 400 })
    }))
})

describe('validationStatus', () => {
  it('is valid for a known type, unknown for another; with validate, another is refused', () =>
    inWorld({}, async ({ did: repo, signIn }) => {
      const { createRecord } = (await signIn()).com.atproto.repo
      expect((await createRecord({ repo, collection: COLLECTION, record })).validationStatus).toBe('valid')
      const other = { repo, collection: 'com.example.thing', record: {} }
      expect((await createRecord(other)).validationStatus).toBe('unknown')
      expect(await createRecord({ ...other, validate: false })).not.toHaveProperty('validationStatus')
      const refused = await failure(createRecord({ ...other, validate: true }))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain('Unknown lexicon type: com.example.thing')
    }))
})

describe('WRITE_POINTS_PER_HOUR', () => {
  it('sets how much may be written: 200 records are 600 points', () =>
    inWorld({}, async (world) => {
      await world.restart({ WRITE_POINTS_PER_HOUR: '600' })
      const owner = await world.signIn()
      const writes = Array.from({ length: 200 }, () => ({
        $type: 'com.atproto.repo.applyWrites#create' as const,
        collection: COLLECTION,
        value: record,
      }))
      await owner.com.atproto.repo.applyWrites({ repo: world.did, writes })
      await expect(post(owner, world.did)).rejects.toMatchObject({ status: 429, error: 'RateLimitExceeded' })
      await world.restart({ WRITE_POINTS_PER_HOUR: '10000' })
      world.clock.now += 1000
      await post(owner, world.did)
    }))
})
