/** What clients put in and get back: preferences, blobs and the records that name them, and how much of it. */
import { encode } from '@atproto/lex-cbor'
import { Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, it } from 'vitest'
import { toBase64url } from '../../src/crypto/base64url.ts'
import {
  HANDLE,
  inWorld,
  PASSWORD,
  targeted,
  type Json,
  type World,
  moveTo,
  newKey,
  bearer,
} from './support/world.ts'

const COLLECTION = 'com.example.thing'

const upload = async (world: World, text: string, mimeType: string): Promise<Json> => {
  const { cid, size } = await world.account.blobs.upload(new Blob([text]).stream(), { mimeType, limit: 1000 })
  return { $type: 'blob', ref: { $link: cid }, mimeType, size }
}

const put = (world: World, auth: string, rkey: string, record: object) =>
  world.call('com.atproto.repo.putRecord', {
    auth,
    body: { repo: world.did, collection: COLLECTION, rkey, record },
  })

describe('preferences', () => {
  it('come back as they were put, links, bytes and blobs too', () =>
    inWorld({}, async (world) => {
      const { access: auth } = await world.signIn()
      const blob = await upload(world, 'x', 'text/plain')
      const preferences = [
        {
          $type: 'app.bsky.actor.defs#somethingNew',
          link: blob.ref,
          bytes: { $bytes: 'AAEC' },
          blob,
          list: [{ deep: blob.ref }],
        },
      ]
      await world.call('app.bsky.actor.putPreferences', { auth, body: { preferences } })
      expect((await world.call('app.bsky.actor.getPreferences', { auth })).body).toEqual({ preferences })
    }))
})

describe('blobs', () => {
  it('are answered in parts, and a part of nothing is refused or the whole', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const [full, empty] = [await upload(world, 'hello', 'a/b'), await upload(world, '', 'a/b')]
      expect((await put(world, access, 'both', { full, empty })).status).toBe(200)
      const get = async (blob: Json, range: string) => {
        const params = { did: world.did, cid: blob.ref.$link }
        const { status, body, headers } = await world.call('com.atproto.sync.getBlob', {
          params,
          headers: { range },
        })
        const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : body.error
        return [status, text, headers.get('content-range')]
      }
      expect(await get(full, 'bytes=1-2')).toEqual([206, 'el', 'bytes 1-2/5'])
      expect(await get(full, 'bytes=-2')).toEqual([206, 'lo', 'bytes 3-4/5'])
      expect(await get(full, 'bytes=-0')).toEqual([400, 'InvalidRequest', 'bytes */5'])
      expect(await get(full, 'bytes=5-')).toEqual([400, 'InvalidRequest', 'bytes */5'])
      expect(await get(empty, 'bytes=-3')).toEqual([200, '', null])
      expect(await get(empty, 'bytes=0-')).toEqual([200, '', null])
    }))

  it('must be what the first record says that takes them; later ones may say what records said before', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const blob = await upload(world, 'picture', 'image/png')
      const other = { ...blob, mimeType: 'image/jpeg' }
      expect((await put(world, access, 'a', { blob: other })).message).toContain('image/png')
      expect((await put(world, access, 'a', { blob })).status).toBe(200)
      // A mover may have stored the blob under another type than the records say.
      world.account.sql.run(`UPDATE blob SET mime = 'application/octet-stream'`)
      expect((await put(world, access, 'a', { blob, text: 'edited' })).status).toBe(200)
    }))

  it('count where a record says nothing of their size', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const blob = await upload(world, 'old picture', 'image/png')
      expect((await put(world, access, 'a', { blob: { ...blob, size: -1 } })).status).toBe(200)
      const { body } = await world.call('com.atproto.sync.listBlobs', { params: { did: world.did } })
      expect(body.cids).toEqual([blob.ref.$link])
      expect((await world.account.check()).problems).toEqual([])
    }))
})

describe('a repository', () => {
  /** As no PDS of ours would sign it, and as the directory takes it. */
  const nameKey = async (world: World, atproto: string) => {
    const { data, cid } = await world.account.identity.directory.head(world.did)
    if (!data) throw new Error('tombstoned')
    const keypair = await Secp256k1Keypair.import(world.key.hex.reveal())
    const unsigned = { type: 'plc_operation', ...data, verificationMethods: { atproto }, prev: cid } as const
    await world.directory.add(world.did, {
      ...unsigned,
      sig: toBase64url(await keypair.sign(encode(unsigned))),
    })
  }

  it.each(['did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK', 'did:key:znokey', 'nonsense'])(
    'is refused while the DID names a key that verifies nothing: %s',
    (key) =>
      inWorld({}, async (world) => {
        const { access: auth } = await world.signIn()
        const car = new Uint8Array(await new Response(world.account.exports.repo().body).arrayBuffer())
        await nameKey(world, key)
        const answer = await world.call('com.atproto.repo.importRepo', { auth, body: car })
        expect(answer).toMatchObject({ status: 400, error: 'InvalidRequest' })
        for (const part of ['BadKey', key, 'k256 or P-256', world.key.did, '#repository-refused'])
          expect(answer.message).toContain(part)
        expect(world.journal()).not.toContain('import')
      }),
  )
})

describe('a request that anybody may send', () => {
  it('is taken only as large as it needs to be', () =>
    inWorld({}, async (world) => {
      const more = Array.from({ length: 40_000 }, () => [])
      expect(
        await world.call('com.atproto.server.createSession', {
          body: { identifier: HANDLE, password: PASSWORD, more },
        }),
      ).toMatchObject({ status: 413, error: 'PayloadTooLarge' })
    }))

  it('asks the directory no more often because an operation was signed', () =>
    inWorld({}, async (world) => {
      const token = await world.mint(targeted)
      const body = moveTo(await newKey())
      expect(
        (await world.call('com.atproto.identity.signPlcOperation', { auth: bearer(token), body })).status,
      ).toBe(200)
      const before = world.directory.requests.length
      for (let i = 0; i < 5; i++) {
        world.clock.now += 1000
        const { status } = await world.call('com.atproto.repo.describeRepo', { params: { repo: world.did } })
        expect(status).toBe(200)
      }
      expect(world.directory.requests.length).toBe(before)
    }))
})
