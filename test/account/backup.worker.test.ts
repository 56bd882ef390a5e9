/** The backups that the account makes of itself, into its bucket. */
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backupPrefix, type BucketBackup, KEPT_BACKUPS, parseBucketBackup } from '../../src/bucketBackup.ts'
import { FAULT_POINTS, onFault } from '../../src/fault.ts'
import { sha256 } from '../../src/repo/sha256.ts'
import { verifyRepoCar } from '@atproto/repo'
import { post } from '../handlers/support/calls.ts'
import { KILLED } from '../handlers/support/faults.ts'
import { inWorld, type World } from '../handlers/support/world.ts'

const { BLOBS: bucket } = env as unknown as { BLOBS: R2Bucket }
const DAY = 24 * 3600_000
const daily = { env: { BACKUP: 'daily' } } as const

const clear = async () => {
  const { objects } = await bucket.list()
  await bucket.delete(objects.map(({ key }) => key))
}
beforeEach(clear)
afterEach(() => onFault(undefined))

const keys = async (prefix: string) => (await bucket.list({ prefix })).objects.map(({ key }) => key)
const bytesAt = async (key: string) =>
  new Uint8Array(await ((await bucket.get(key))?.arrayBuffer() ?? new ArrayBuffer()))
const textAt = async (key: string) => new TextDecoder().decode(await bytesAt(key))
/** The backups that are there, oldest first. */
const backups = async ({ did }: World): Promise<BucketBackup[]> => {
  const found: BucketBackup[] = []
  for (const key of await keys(backupPrefix(did))) {
    const backup = key.endsWith('Z.json') ? parseBucketBackup(did, await textAt(key)) : undefined
    if (backup) found.push(backup)
  }
  return found
}
const ring = ({ account }: World) => account.maintenance.run()
const picture = async (world: World, text: string) => {
  const owner = await world.signIn()
  const { blob } = await owner.com.atproto.repo.uploadBlob({
    encoding: 'text/plain',
    body: new TextEncoder().encode(text),
  })
  return await owner.com.atproto.repo.createRecord({
    repo: world.did,
    collection: 'com.example.picture',
    rkey: text,
    validate: false,
    record: { $type: 'com.example.picture', blob },
  })
}
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('BACKUP=daily', () => {
  it('has the alarm write repository, blobs, preferences, log and manifest into the bucket, all with their hashes', () =>
    inWorld(daily, async (world) => {
      const owner = await world.signIn()
      for (let n = 0; n < 5; n++) await post(owner, world.did)
      await picture(world, 'one')
      await owner.app.bsky.actor.putPreferences({
        preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: false }],
      })
      await ring(world)
      const [backup] = await backups(world)
      const head = await world.head()
      expect(backup).toMatchObject({
        did: world.did,
        commit: head.cid,
        rev: head.rev,
        records: 6,
        blobs: { count: 1 },
      })
      for (const { key, size, sha256: hash } of Object.values(backup?.objects ?? {})) {
        const bytes = await bytesAt(key)
        expect([key, bytes.length, hex(sha256(bytes))]).toEqual([key, size, hash])
      }
      const car = await bytesAt(backup?.objects.repo.key ?? '')
      const verified = await verifyRepoCar(car, world.did, world.account.signingKey.did)
      expect(verified.creates).toHaveLength(6)
      const [line = ''] = (await textAt(backup?.objects.blobs.key ?? '')).split('\n')
      const blob = JSON.parse(line) as { cid: string; key: string; mimeType: string }
      expect(blob.mimeType).toBe('text/plain')
      expect(await textAt(blob.key)).toBe('one')
      expect(JSON.parse(await textAt(backup?.objects.preferences.key ?? ''))).toMatchObject({
        preferences: [{ enabled: false }],
      })
      expect(JSON.parse(await textAt(backup?.objects.plcLog?.key ?? ''))).toMatchObject([{ did: world.did }])
      expect(world.journal().filter((event) => event === 'backup')).toHaveLength(1)
      expect((await world.admin.com.cirrus.admin.getStatus()).backup).toMatchObject({
        schedule: 'daily',
        rev: head.rev,
        lastAt: expect.any(String),
      })
    }))

  it('is made once a day, keeps the last seven, and writes a repository that did not change once', () =>
    inWorld(daily, async (world) => {
      await ring(world)
      await ring(world)
      expect(await backups(world)).toHaveLength(1)
      expect(world.account.bucketBackups.dueInMs()).toBeGreaterThan(DAY / 2)
      for (let day = 0; day < 3; day++) {
        world.clock.now += DAY
        await ring(world)
      }
      expect(await backups(world)).toHaveLength(4)
      expect((await keys(`${backupPrefix(world.did)}repo/`)).length).toBe(1)
      for (let day = 0; day < 12; day++) {
        world.clock.now += DAY
        await post(await world.signIn(), world.did)
        await ring(world)
      }
      const kept = await backups(world)
      expect(kept).toHaveLength(KEPT_BACKUPS)
      expect((await keys(`${backupPrefix(world.did)}repo/`)).length).toBe(KEPT_BACKUPS)
      const known = kept.flatMap(({ objects }) => Object.values(objects).map(({ key }) => key))
      for (const key of known) expect(await bucket.head(key)).not.toBeNull()
      // Nothing but what these backups name.
      expect(await keys(backupPrefix(world.did))).toHaveLength(new Set(known).size + KEPT_BACKUPS)
    }))

  it('keeps the objects that backups refer to, though the blobs are gone, and serves none of it', () =>
    inWorld(daily, async (world) => {
      const { uri } = await picture(world, 'gone')
      await ring(world)
      const [backup] = await backups(world)
      const [line = ''] = (await textAt(backup?.objects.blobs.key ?? '')).split('\n')
      const { cid, key } = JSON.parse(line) as { cid: string; key: string }
      const owner = await world.signIn()
      const rkey = uri.split('/').at(-1) ?? ''
      await owner.com.atproto.repo.deleteRecord({ repo: world.did, collection: 'com.example.picture', rkey })
      world.clock.now += 3 * DAY
      await ring(world)
      await ring(world)
      expect(await textAt(key)).toBe('gone')
      const served = await world.fetch(`/xrpc/com.atproto.sync.getBlob?did=${world.did}&cid=${cid}`)
      expect(served.status).toBe(400)
      world.clock.now += 9 * DAY
      await ring(world)
      await ring(world)
      expect(await bucket.head(key)).toBeNull()
      expect(await backups(world)).not.toHaveLength(0)
    }))

  it('says in the status why the last one failed, journals it, and tries again in an hour', () =>
    inWorld(daily, async (world) => {
      onFault((name) => {
        if (name === 'backup.afterRepo') throw new Error('the bucket is full')
      })
      await ring(world)
      const { backup } = await world.admin.com.cirrus.admin.getStatus()
      expect(backup).toMatchObject({ failedAt: expect.any(String), error: 'the bucket is full' })
      expect(backup?.lastAt).toBeUndefined()
      expect(world.journal()).toContain('backup-failed')
      await ring(world)
      onFault(undefined)
      await ring(world)
      expect(await backups(world)).toEqual([])
      world.clock.now += 3600_000
      await ring(world)
      expect(await backups(world)).toHaveLength(1)
      expect((await world.admin.com.cirrus.admin.getStatus()).backup?.failedAt).toBeUndefined()
    }))

  it.each(FAULT_POINTS.filter((name) => name.startsWith('backup.')))(
    'dies at %s, and the next one is whole and leaves nothing behind',
    (point) =>
      inWorld(daily, async (world) => {
        await picture(world, 'one')
        let hits = 0
        onFault((name) => {
          if (name !== point) return
          hits++
          throw KILLED
        })
        await ring(world)
        expect(hits).toBe(1)
        onFault(undefined)
        await world.restart()
        world.clock.now += DAY
        await post(await world.signIn(), world.did)
        await ring(world)
        const made = await backups(world)
        expect(made.at(-1)?.commit).toBe((await world.head()).cid)
        const known = new Set(made.flatMap(({ objects }) => Object.values(objects).map(({ key }) => key)))
        expect(await keys(backupPrefix(world.did))).toHaveLength(known.size + made.length)
      }),
  )

  it('is erased with the account', () =>
    inWorld(daily, async (world) => {
      await picture(world, 'one')
      await ring(world)
      const { admin, did } = world
      expect((await bucket.list()).objects.length).toBeGreaterThan(4)
      expect(await admin.com.cirrus.admin.deleteAccount({ did })).toEqual({ erased: false })
      for (let n = 0; n < 4; n++) {
        world.clock.now += 60_000
        await ring(world)
      }
      expect(await keys(backupPrefix(did))).toEqual([])
      expect(await keys(did)).toEqual([])
      expect(await admin.com.cirrus.admin.deleteAccount({ did })).toEqual({ erased: true })
      world.clock.now += 2 * DAY
      await ring(world)
      expect(await keys(backupPrefix(did))).toEqual([])
    }))
})

describe('without BACKUP', () => {
  it('nothing is written, and the status says nothing of it', () =>
    inWorld({}, async (world) => {
      world.clock.now += 2 * DAY
      await ring(world)
      expect(await keys('backup/')).toEqual([])
      expect((await world.admin.com.cirrus.admin.getStatus()).backup).toBeUndefined()
    }))
})
