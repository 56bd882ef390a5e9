import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { failure, post } from '../support/calls.ts'
import { DIED, killAt } from '../support/faults.ts'
import { inWorld, type World } from '../support/world.ts'

afterEach(() => onFault(undefined))

const bucket = (env as unknown as { BLOBS: R2Bucket }).BLOBS
const REPOSITORY = [
  'loose',
  'pack',
  'part',
  'bucket',
  'repeated',
  'staged',
  'trail',
  'blob',
  'blob_ref',
  'blob_loose',
]
const SIGN_IN = ['session', 'app_password', 'preference']

const rows = ({ account }: World, table: string): number =>
  account.sql.first<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n ?? 0
const objects = async ({ did }: World) => (await bucket.list({ prefix: did })).objects

/** Posts, one of them with a picture, an app password and preferences. */
const fill = async (world: World) => {
  const owner = await world.signIn()
  const { blob } = await owner.com.atproto.repo.uploadBlob({
    encoding: 'text/plain',
    body: new TextEncoder().encode('a picture'),
  })
  for (let n = 0; n < 3; n++) await post(owner, world.did)
  await owner.com.atproto.repo.createRecord({
    repo: world.did,
    collection: 'com.example.picture',
    validate: false,
    record: { $type: 'com.example.picture', blob },
  })
  await owner.com.atproto.server.createAppPassword({ name: 'phone' })
  await owner.app.bsky.actor.putPreferences({
    preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: false }],
  })
  return owner
}

/** The alarm rings until nothing is left to do at once. */
const erase = async ({ account, clock }: World): Promise<void> => {
  for (let n = 0; n < 5; n++) {
    clock.now += 60_000
    await account.maintenance.run()
  }
}

describe('deleteAccount', () => {
  it('tells the network, ends every session at once, and erases repository and blobs', () =>
    inWorld({}, async (world) => {
      const owner = await fill(world)
      const { admin, client, did } = world
      expect(await objects(world)).toHaveLength(1)
      const before = world.latest()
      expect(await admin.com.cirrus.admin.deleteAccount({ did })).toEqual({ erased: false })
      expect(world.announced(before)).toMatchObject([
        { type: 'account', did, active: false, status: 'deleted' },
      ])
      for (const table of SIGN_IN) expect([table, rows(world, table)]).toEqual([table, 0])
      expect((await failure(owner.com.atproto.server.getSession())).status).toBeGreaterThanOrEqual(400)
      await expect(client.com.atproto.sync.getRepo({ did })).rejects.toMatchObject({ error: 'RepoNotFound' })

      await erase(world)
      for (const table of REPOSITORY) expect([table, rows(world, table)]).toEqual([table, 0])
      expect(await objects(world)).toEqual([])
      // Subscribers still learn what became of the account, and nothing else of it.
      expect(new Set(world.events())).toEqual(new Set(['account', 'identity']))
      expect(await admin.com.cirrus.admin.deleteAccount({ did })).toEqual({ erased: true })
      expect(world.journal().filter((name) => name === 'delete')).toHaveLength(1)
    }))

  it('is final, and what is asked about the account is answered truthfully', () =>
    inWorld({}, async (world) => {
      await fill(world)
      const { admin, client, did } = world
      await admin.com.cirrus.admin.deleteAccount({ did })
      for (const erased of [false, true]) {
        if (erased) await erase(world)
        expect(await client.com.atproto.sync.getRepoStatus({ did })).toEqual({
          did,
          active: false,
          status: 'deleted',
        })
        expect(await client.com.atproto.sync.listRepos()).toEqual({ repos: [] })
        expect(await admin.com.cirrus.admin.getStatus()).toMatchObject({
          state: 'deleted',
          active: false,
          repo: { records: 0, blocks: 0 },
          // Those that are still in the bucket are counted.
          blobs: erased ? { expected: 0, stored: 0 } : { stored: 1 },
          next: expect.stringContaining('deleted'),
        })
        await expect(admin.com.atproto.server.activateAccount()).rejects.toMatchObject({
          error: 'InvalidRequest',
          message: expect.stringContaining('was deleted here, for ever'),
        })
        await world.restart()
      }
      expect(world.bugs).toEqual([])
    }))

  it('is all or nothing where it dies in between, and the erasure goes on after a death', () =>
    inWorld({}, async (world) => {
      await fill(world)
      const { deleteAccount } = world.admin.com.cirrus.admin
      for (const point of ['delete.afterState', 'delete.afterEvent'] as const) {
        killAt(point)
        await expect(deleteAccount({ did: world.did }), point).rejects.toMatchObject(DIED)
        onFault(undefined)
        await world.restart()
        expect(world.account.state()).toBe('active')
        expect(rows(world, 'session')).toBeGreaterThan(0)
      }
      await deleteAccount({ did: world.did })
      await world.restart()
      await erase(world)
      expect(await deleteAccount({ did: world.did })).toEqual({ erased: true })
    }))

  it('refuses another DID, and a server without an account', () =>
    inWorld({}, async ({ admin, account }) => {
      await expect(
        admin.com.cirrus.admin.deleteAccount({ did: 'did:web:else.example' }),
      ).rejects.toMatchObject({ error: 'InvalidRequest' })
      expect(account.state()).toBe('active')
      await inWorld({ active: false }, async ({ admin, did }) => {
        await expect(admin.com.cirrus.admin.deleteAccount({ did })).rejects.toMatchObject({
          error: 'InvalidRequest',
        })
      })
    }))
})
