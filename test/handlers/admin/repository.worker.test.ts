/** The admin's views of the repository: checkRepo, getManifest, listBlobs, resumeRepo. */
import { describe, expect, it } from 'vitest'
import { bytesOf, partOf, post } from '../support/calls.ts'
import { inWorld } from '../support/world.ts'

const NOT_FOUND = { status: 400, error: 'RepoNotFound' }

describe('checkRepo', () => {
  it('answers ok and no problems for a repository as the server wrote it', () =>
    inWorld({}, async ({ admin }) => {
      expect(await admin.com.cirrus.admin.checkRepo()).toMatchObject({ ok: true, problems: [] })
    }))

  it('answers RepoNotFound before there is a repository', () =>
    inWorld({ active: false }, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.checkRepo()).rejects.toMatchObject(NOT_FOUND)
    }))
})

describe('getManifest', () => {
  it('signs the DID and the head of the repository', () =>
    inWorld({}, async ({ admin, did, head }) => {
      const { manifest } = await admin.com.cirrus.admin.getManifest()
      expect(partOf(manifest, 0)).toMatchObject({ alg: 'ES256K', typ: 'cirrus-manifest+jwt' })
      expect(JSON.stringify(partOf(manifest, 1))).toContain(did)
      expect(JSON.stringify(partOf(manifest, 1))).toContain((await head()).rev)
    }))

  it('answers RepoNotFound before there is a repository', () =>
    inWorld({ active: false }, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.getManifest()).rejects.toMatchObject(NOT_FOUND)
    }))
})

describe('listBlobs of the admin', () => {
  it('lists nothing where nothing is stored', () =>
    inWorld({}, async ({ admin }) => {
      expect((await admin.com.cirrus.admin.listBlobs()).blobs).toEqual([])
    }))

  it('answers RepoNotFound before there is a repository', () =>
    inWorld({ active: false }, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.listBlobs()).rejects.toMatchObject(NOT_FOUND)
    }))
})

describe('resumeRepo', () => {
  it('gives the rest of what getRepo gives, from any byte', () =>
    inWorld({}, async ({ admin, did, head, signIn }) => {
      await post(await signIn(), did)
      const { cid: root } = await head()
      const whole = await bytesOf(await admin.com.atproto.sync.getRepo({ did }))
      const rest = await bytesOf(await admin.com.cirrus.admin.resumeRepo({ did, root, offset: 100 }))
      expect(rest).toEqual(whole.subarray(100))
    }))

  it('answers RepoNotFound for another DID', () =>
    inWorld({}, async ({ admin, head }) => {
      const { cid: root } = await head()
      await expect(
        admin.com.cirrus.admin.resumeRepo({ did: 'did:web:other.example.com', root, offset: 0 }),
      ).rejects.toMatchObject(NOT_FOUND)
    }))

  it('answers SnapshotGone for a commit whose tree is not kept', () =>
    inWorld({}, async ({ admin, did }) => {
      const root = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
      await expect(admin.com.cirrus.admin.resumeRepo({ did, root, offset: 0 })).rejects.toMatchObject({
        status: 400,
        error: 'SnapshotGone',
      })
    }))
})
