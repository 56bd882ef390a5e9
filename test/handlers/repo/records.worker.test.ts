/** What clients put in and get back: records, and the blobs that they name. */
import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { put, upload } from '../support/blobs.ts'
import { failure, post } from '../support/calls.ts'
import { inWorld } from '../support/world.ts'

const COLLECTION = 'app.bsky.feed.post'
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
        com.atproto.repo.putRecord({ repo, collection: COLLECTION, rkey: 'a', record, swapRecord: CID }),
    ],
    [
      'deleteRecord',
      ({ com }, repo) =>
        com.atproto.repo.deleteRecord({ repo, collection: COLLECTION, rkey: 'a', swapCommit: CID }),
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
      const rkey = 'a'
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
  it('must be what the first record says that names it; later ones may say what records said before', () =>
    inWorld({}, async ({ account, did, signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'picture', 'image/png')
      const other = { ...blob, mimeType: 'image/jpeg' }
      expect((await failure(put(owner, did, 'a', { blob: other }))).message).toContain('image/png')
      await put(owner, did, 'a', { blob })
      // A mover may have stored the blob under another type than the records say.
      account.sql.run(`UPDATE blob SET mime = 'application/octet-stream'`)
      await put(owner, did, 'a', { blob, text: 'edited' })
    }))

  it('counts where the record does not say its size', () =>
    inWorld({}, async ({ admin, client, did, signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'old picture', 'image/png')
      await put(owner, did, 'a', { blob: { ...blob, size: -1 } })
      expect((await client.com.atproto.sync.listBlobs({ did })).cids).toEqual([blob.ref.$link])
      expect((await admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))
})

describe('WRITE_POINTS_PER_HOUR', () => {
  it('sets how much may be written: 200 records are 600 points', () =>
    inWorld({}, async (world) => {
      await world.restart({ WRITE_POINTS_PER_HOUR: '600' })
      const owner = await world.signIn()
      const writes = Array.from({ length: 200 }, (_, n) => ({
        $type: 'com.atproto.repo.applyWrites#create' as const,
        collection: COLLECTION,
        rkey: `r${n}`,
        value: record,
      }))
      await owner.com.atproto.repo.applyWrites({ repo: world.did, writes })
      await expect(post(owner, world.did)).rejects.toMatchObject({ status: 429, error: 'RateLimitExceeded' })
      await world.restart({ WRITE_POINTS_PER_HOUR: '10000' })
      await post(owner, world.did)
    }))
})
