import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { bytesOf, post } from '../support/calls.ts'
import { changeDid, pdsAt } from '../support/did.ts'
import { inWorld, TARGET } from '../support/world.ts'

const COLLECTION = 'app.bsky.feed.post'
const BLOCK = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const BLOB = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

/** The methods that read this one repository. */
const READS: [string, (client: Client, did: string) => Promise<unknown>][] = [
  ['getBlob', ({ com }, did) => com.atproto.sync.getBlob({ did, cid: BLOB })],
  ['getBlocks', ({ com }, did) => com.atproto.sync.getBlocks({ did, cids: [BLOCK] })],
  ['getCheckout', ({ com }, did) => com.atproto.sync.getCheckout({ did })],
  ['getHead', ({ com }, did) => com.atproto.sync.getHead({ did })],
  ['getLatestCommit', ({ com }, did) => com.atproto.sync.getLatestCommit({ did })],
  ['getRecord', ({ com }, did) => com.atproto.sync.getRecord({ did, collection: COLLECTION, rkey: 'a' })],
  ['getRepo', ({ com }, did) => com.atproto.sync.getRepo({ did })],
  ['listBlobs', ({ com }, did) => com.atproto.sync.listBlobs({ did })],
]

describe.each(READS)('%s', (_, read) => {
  it('answers RepoNotFound for another DID', () =>
    inWorld({}, async ({ client }) => {
      await expect(read(client, 'did:web:other.example.com')).rejects.toMatchObject({
        status: 400,
        error: 'RepoNotFound',
      })
    }))

  it('answers RepoNotFound before there is an account', () =>
    inWorld({ active: false }, async ({ client, did }) => {
      await expect(read(client, did)).rejects.toMatchObject({ status: 400, error: 'RepoNotFound' })
    }))

  it('answers RepoDeactivated to the public while the account is deactivated', () =>
    inWorld({}, async ({ admin, client, did }) => {
      await admin.com.atproto.server.deactivateAccount()
      await expect(read(client, did)).rejects.toMatchObject({ status: 400, error: 'RepoDeactivated' })
    }))
})

describe('the deprecated reads', () => {
  it('answer with the root, and the tree of it', () =>
    inWorld({}, async ({ client, did, head }) => {
      const { getHead, getCheckout, getRepo } = client.com.atproto.sync
      expect(await getHead({ did })).toEqual({ root: (await head()).cid })
      expect(await bytesOf(await getCheckout({ did }))).toEqual(await bytesOf(await getRepo({ did })))
    }))
})

describe('getBlocks', () => {
  it('gives the blocks that are asked for', () =>
    inWorld({}, async ({ client, did, head }) => {
      const { cid } = await head()
      const car = await bytesOf(await client.com.atproto.sync.getBlocks({ did, cids: [cid] }))
      expect(car.length).toBeGreaterThan(100)
    }))

  it('answers BlockNotFound where one is not here', () =>
    inWorld({}, async ({ client, did, head }) => {
      const cids = [(await head()).cid, BLOCK]
      await expect(client.com.atproto.sync.getBlocks({ did, cids })).rejects.toMatchObject({
        status: 400,
        error: 'BlockNotFound',
        message: expect.stringContaining(BLOCK),
      })
    }))
})

describe('getRecord of sync', () => {
  it('proves that a record is here, and that another is not', () =>
    inWorld({}, async ({ client, did, signIn }) => {
      const { uri } = await post(await signIn(), did)
      for (const rkey of [uri.split('/').at(-1) ?? '', 'absent']) {
        const proof = await client.com.atproto.sync.getRecord({ did, collection: COLLECTION, rkey })
        expect((await bytesOf(proof)).length, rkey).toBeGreaterThan(100)
      }
    }))
})

describe('getRepoStatus and listRepos', () => {
  it('give the state of the repository as it is: absent, active, moved, deactivated', () =>
    inWorld({ active: false }, async (world) => {
      const { admin, client, did } = world
      const { getRepoStatus, listRepos } = client.com.atproto.sync
      await expect(getRepoStatus({ did })).rejects.toMatchObject({ error: 'RepoNotFound' })
      expect((await listRepos()).repos).toEqual([])

      await admin.com.atproto.server.activateAccount()
      const expectActive = async () => {
        const { cid, rev } = await world.head()
        expect(await getRepoStatus({ did })).toEqual({ did, active: true, rev })
        expect((await listRepos()).repos).toEqual([{ did, active: true, rev, head: cid }])
      }
      await expectActive()
      await changeDid(world, world.recovery, { services: pdsAt(TARGET) })
      await world.account.identityWatch.observe()
      await expectActive()

      await admin.com.atproto.server.deactivateAccount()
      const { cid, rev } = await world.head()
      const gone = { did, active: false, status: 'deactivated' }
      expect(await getRepoStatus({ did })).toEqual(gone)
      expect((await listRepos()).repos).toEqual([{ ...gone, rev, head: cid }])
    }))

  it('answer RepoNotFound for another DID', () =>
    inWorld({}, async ({ client }) => {
      const did = 'did:web:other.example.com'
      await expect(client.com.atproto.sync.getRepoStatus({ did })).rejects.toMatchObject({
        status: 400,
        error: 'RepoNotFound',
      })
    }))
})
