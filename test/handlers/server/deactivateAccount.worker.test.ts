import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { failure, post } from '../support/calls.ts'
import { moveTo, targeted } from '../support/did.ts'
import { DIED, killAt } from '../support/faults.ts'
import { newKey } from '../support/keys.ts'
import { inWorld } from '../support/world.ts'

const COLLECTION = 'app.bsky.feed.post'
const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

afterEach(() => onFault(undefined))

describe('deactivateAccount', () => {
  it('refuses writes with 403 from then on, and tells the firehose once', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      await post(owner, world.did)
      const deleteAfter = '2027-01-01T00:00:00.000Z'
      const before = world.latest()
      for (let i = 0; i < 2; i++) await owner.com.atproto.server.deactivateAccount({ deleteAfter })
      expect(world.announced(before)).toMatchObject([
        { type: 'account', did: world.did, active: false, status: 'deactivated' },
      ])
      await expect(post(owner, world.did)).rejects.toMatchObject({ status: 403, error: 'AccountDeactivated' })
      expect(world.journal().filter((name) => name === 'deactivate')).toHaveLength(1)
      expect(await world.admin.com.cirrus.admin.getStatus()).toMatchObject({
        active: false,
        state: 'deactivated',
        deleteAfter,
      })
    }))

  it('keeps serving the repository to the owner, the admin and a migration token, and to nobody else', () =>
    inWorld({}, async ({ client, admin, did, ...world }) => {
      const owner = await world.signIn()
      await post(owner, did)
      await owner.com.atproto.server.deactivateAccount()
      const { cid } = await world.head()
      const { sync, repo } = client.com.atproto
      const reads: [string, () => Promise<unknown>][] = [
        ['sync.getRepo', () => sync.getRepo({ did })],
        ['sync.getBlocks', () => sync.getBlocks({ did, cids: [cid] })],
        ['sync.getLatestCommit', () => sync.getLatestCommit({ did })],
        ['sync.getRecord', () => sync.getRecord({ did, collection: COLLECTION, rkey: 'a' })],
        ['sync.listBlobs', () => sync.listBlobs({ did })],
        ['sync.getBlob', () => sync.getBlob({ did, cid: CID })],
        ['repo.describeRepo', () => repo.describeRepo({ repo: did })],
        ['repo.getRecord', () => repo.getRecord({ repo: did, collection: COLLECTION, rkey: 'a' })],
        ['repo.listRecords', () => repo.listRecords({ repo: did, collection: COLLECTION })],
      ]
      for (const [name, read] of reads)
        await expect(read(), name).rejects.toMatchObject({ status: 400, error: 'RepoDeactivated' })
      expect(await sync.getRepoStatus({ did })).toEqual({ did, active: false, status: 'deactivated' })
      expect((await sync.listRepos()).repos).toMatchObject([{ active: false, status: 'deactivated' }])

      for (const reader of [owner, admin, world.bearer(await world.mint())]) {
        const { status, body } = await reader.com.atproto.sync.getRepo({ did })
        expect(status).toBe(200)
        await body.cancel()
      }
      const { records } = await owner.com.atproto.repo.listRecords({ repo: did, collection: COLLECTION })
      expect(records).toHaveLength(1)
      expect(await owner.com.atproto.server.checkAccountStatus()).toMatchObject({
        activated: false,
        validDid: true,
        indexedRecords: 1,
      })
    }))

  it('comes after the commits that were waiting, and none follows it', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const [[first], , second] = await Promise.all([
        Promise.allSettled([post(owner, world.did)]),
        owner.com.atproto.server.deactivateAccount(),
        world.account.repo.exclusive(async () => {}).then(() => failure(post(owner, world.did))),
      ])
      expect(second.status).toBe(403)
      expect(world.events().at(-1)).toBe('account')
      const commits = world.events().filter((type) => type === 'commit')
      expect(commits).toHaveLength(first.status === 'fulfilled' ? 1 : 0)
    }))

  it('is all or nothing where it dies in between, and can be repeated', () =>
    inWorld({}, async (world) => {
      const { deactivateAccount } = world.admin.com.atproto.server
      for (const point of ['deactivate.afterState', 'deactivate.afterEvent']) {
        killAt(point)
        await expect(deactivateAccount(), point).rejects.toMatchObject(DIED)
        onFault(undefined)
        await world.restart()
        expect(world.account.state()).toBe('active')
        expect(world.events()).toEqual(['account', 'identity', 'sync'])
      }
      await deactivateAccount()
      expect(world.events()).toEqual(['account', 'identity', 'sync', 'account'])
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('works while the directory is down', () =>
    inWorld({}, async ({ admin, account, directory }) => {
      directory.mode = 'down'
      await admin.com.atproto.server.deactivateAccount()
      expect(account.state()).toBe('deactivated')
    }))

  it('takes a migration token only with its scope, and only once the directory names another PDS', () =>
    inWorld({}, async (world) => {
      const weak = world.bearer(await world.mint(targeted))
      await expect(weak.com.atproto.server.deactivateAccount()).rejects.toMatchObject({
        error: 'InvalidToken',
      })
      const scope = ['plc:sign', 'account:deactivate', 'repo:read']
      const mover = world.bearer(await world.mint({ ...targeted, scope }))
      const { deactivateAccount } = mover.com.atproto.server
      await expect(deactivateAccount()).rejects.toMatchObject({ status: 403, error: 'Forbidden' })
      world.directory.mode = 'down'
      await expect(deactivateAccount()).rejects.toMatchObject({ status: 502, error: 'UpstreamFailure' })
      world.directory.mode = 'up'
      const { operation } = await mover.com.atproto.identity.signPlcOperation(moveTo(await newKey()))
      await world.directory.add(world.did, operation)
      await deactivateAccount()
      expect(world.account.state()).toBe('deactivated')
    }))
})
