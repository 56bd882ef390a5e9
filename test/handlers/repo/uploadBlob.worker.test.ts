/** Uploads as clients send them, and by another service that the account gave a token. */
import { cidForRawBytes } from '@atproto/lex-data'
import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../../src/crypto/password.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { UPLOAD_BLOB } from '../../../src/signing/serviceToken.ts'
import { createApp } from '../../oauth/support/app.ts'
import { makeGrant } from '../../support/grant.ts'
import { put } from '../support/blobs.ts'
import { importRecord } from '../support/importRecord.ts'
import { accessToken } from '../support/accessToken.ts'
import { targeted } from '../support/did.ts'
import { inWorld, SERVICE, type World } from '../support/world.ts'

const PNG = new Uint8Array([
  0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52,
])
const MP4 = new TextEncoder().encode('\0\0\0\x14ftypmp42\0\0\0\0mp42\0\0\0\x08free')

interface Answer {
  status: number
  error?: string
  message?: string
  blob?: { $type: string; ref: { $link: string }; mimeType: string; size: number }
}

/** Sends a body with exactly these headers. */
const send = async (
  world: World,
  token: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const request = {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { authorization: `Bearer ${token}`, ...headers },
  }
  const response = await world.fetch(`/xrpc/${UPLOAD_BLOB}`, request as RequestInit)
  return { status: response.status, ...(await response.json<object>()) }
}

const session = ({ account }: World) => accessToken(account, 'session')

/** In pieces, and so without a length. */
const pieces = (bytes: Uint8Array, size = 5): ReadableStream<Uint8Array> => {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, (at += size)))
    },
  })
}

describe('uploadBlob', () => {
  it.each([['*/*'], ['application/octet-stream'], ['multipart/form-data; boundary=x'], ['image/jpeg']])(
    'finds out the type of a blob that is sent as %s',
    (type) =>
      inWorld({}, async (world) => {
        const { blob } = await send(world, await session(world), PNG, { 'content-type': type })
        expect(blob).toMatchObject({ $type: 'blob', mimeType: 'image/png', size: PNG.length })
        const { did } = world
        await put(await world.signIn(), did, 'a', { blob })
        const stored = await world.fetch(`/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${blob?.ref.$link}`)
        expect(stored.headers.get('content-type')).toBe('image/png')
        expect(new Uint8Array(await stored.arrayBuffer())).toEqual(PNG)
      }),
  )

  it('takes a blob without a type, and one whose length nobody knows', () =>
    inWorld({}, async (world) => {
      const token = await session(world)
      // A request with bytes as its body has no type.
      expect(await send(world, token, PNG)).toMatchObject({ status: 200, blob: { mimeType: 'image/png' } })
      for (const headers of [undefined, { 'content-type': '*/*' }])
        expect(await send(world, token, pieces(MP4), headers)).toMatchObject({
          blob: { mimeType: 'video/mp4', size: MP4.length },
        })
      const text = new TextEncoder().encode('who knows')
      expect(await send(world, token, text, { 'content-type': '*/*' })).toMatchObject({
        blob: { mimeType: 'application/octet-stream' },
      })
      expect(await send(world, token, text, { 'content-type': 'text/plain' })).toMatchObject({
        blob: { mimeType: 'text/plain' },
      })
    }))

  it('takes a better type for a blob that it has, and no worse one', () =>
    inWorld({}, async (world) => {
      const token = await session(world)
      const bytes = new TextEncoder().encode('a format of its own')
      const type = async (declared: string) =>
        (await send(world, token, bytes, { 'content-type': declared })).blob?.mimeType
      expect(await type('*/*')).toBe('application/octet-stream')
      expect(await type('application/x-own')).toBe('application/x-own')
      expect(await type('application/octet-stream')).toBe('application/x-own')
      const { blob } = await send(world, token, bytes, { 'content-type': 'application/x-other' })
      expect(blob?.mimeType).toBe('application/x-other')
      await put(await world.signIn(), world.did, 'a', { blob })
      // A record says so now.
      expect(await type('application/x-own')).toBe('application/x-other')
    }))

  it('takes the type that a record states where nobody else knows, as on moving in', () =>
    inWorld({}, async (world) => {
      const token = await session(world)
      const bytes = new TextEncoder().encode('a format of its own')
      const ref = await cidForRawBytes(bytes)
      const blob = { $type: 'blob', ref, mimeType: 'application/x-own', size: bytes.length }
      await importRecord(world, 'com.example.thing/a', { $type: 'com.example.thing', blob })
      expect((await send(world, token, bytes, { 'content-type': '*/*' })).blob).toEqual({
        ...blob,
        ref: { $link: ref.toString() },
      })
    }))

  it('corrects a type that says nothing, though a record refers to the blob', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const token = await session(world)
      const { blob } = await send(world, token, PNG, { 'content-type': 'image/png' })
      await put(owner, world.did, 'a', { blob })
      // As a migration tool may have sent it.
      world.account.sql.run(`UPDATE blob SET mime = 'application/octet-stream'`)
      await expect(put(owner, world.did, 'b', { blob })).rejects.toMatchObject({ error: 'InvalidMimeType' })
      expect((await send(world, token, PNG, { 'content-type': '*/*' })).blob).toEqual(blob)
      await put(owner, world.did, 'b', { blob })
    }))
})

describe('a video that a service uploads for the account', () => {
  const HALF_AN_HOUR_S = 1800

  /** What the app asks for, with the session that it has. */
  const serviceToken = async (world: World, more: { aud?: string; lxm?: string; exp?: number } = {}) => {
    const app = await world.signIn()
    const exp = Math.floor(world.clock.now / 1000) + HALF_AN_HOUR_S
    const params = { aud: SERVICE, lxm: UPLOAD_BLOB, exp, ...more }
    return (await app.com.atproto.server.getServiceAuth(params)).token
  }

  it.each([[SERVICE], [`${SERVICE}#atproto_pds`]])(
    'is posted by the app: token for %s, upload, post',
    (aud) =>
      inWorld({}, async (world) => {
        const { did: repo } = world
        const token = await serviceToken(world, { aud })
        // Transcoding takes its time.
        world.clock.now += 29 * 60_000
        const { blob } = await send(world, token, pieces(MP4), { 'content-type': 'video/mp4' })
        expect(blob).toMatchObject({ mimeType: 'video/mp4', size: MP4.length })
        const app = await world.signIn()
        const record = {
          $type: 'app.bsky.feed.post',
          text: 'look',
          createdAt: '2026-11-22T12:00:00.000Z',
          embed: { $type: 'app.bsky.embed.video', video: blob, aspectRatio: { width: 16, height: 9 } },
        }
        const { validationStatus } = await app.com.atproto.repo.createRecord({
          repo,
          collection: 'app.bsky.feed.post',
          record,
        })
        expect(validationStatus).toBe('valid')
        expect((await world.client.com.atproto.sync.listBlobs({ did: repo })).cids).toEqual([blob?.ref.$link])
      }),
  )

  it('is refused once the token has expired, also while the bytes arrive', () =>
    inWorld({}, async (world) => {
      const token = await serviceToken(world)
      let sent = 0
      const slow = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent++ === 3) return controller.close()
          if (sent === 3) world.clock.now += HALF_AN_HOUR_S * 1000
          controller.enqueue(MP4)
        },
      })
      const late = { status: 400, error: 'ExpiredToken' }
      expect(await send(world, token, slow, { 'content-type': 'video/mp4' })).toMatchObject(late)
      expect(await send(world, token, MP4)).toMatchObject(late)
      expect(world.account.sql.all('SELECT * FROM blob')).toEqual([])
    }))

  it('is refused once an app password was revoked or sessions were ended, also while the bytes arrive', () =>
    inWorld({}, async (world) => {
      const { server } = world.admin.com.atproto
      await server.createAppPassword({ name: 'video' })
      const refused = {
        status: 400,
        error: 'InvalidToken',
        message: expect.stringContaining('token-revoked'),
      }
      const first = await serviceToken(world)
      expect(await send(world, first, MP4, { 'content-type': 'video/mp4' })).toMatchObject({ status: 200 })
      world.clock.now += 1000
      await server.revokeAppPassword({ name: 'video' })
      expect(await send(world, first, MP4, { 'content-type': 'video/mp4' })).toMatchObject(refused)
      world.clock.now += 1000
      const second = await serviceToken(world)
      expect(await send(world, second, MP4, { 'content-type': 'video/mp4' })).toMatchObject({ status: 200 })
      world.clock.now += 1000
      await session(world)
      const slow = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await world.admin.com.cirrus.admin.endSessions({ all: true })
          controller.enqueue(MP4)
          controller.close()
        },
      })
      expect(await send(world, second, slow, { 'content-type': 'video/mp4' })).toMatchObject(refused)
    }))

  it('is refused once sessions were ended, though none was left', () =>
    inWorld({}, async (world) => {
      const token = await serviceToken(world)
      world.account.sql.run('DELETE FROM session')
      world.clock.now += 1000
      expect(await world.admin.com.cirrus.admin.endSessions({ all: true })).toEqual({
        ended: 0,
        grants: 0,
        browsers: 0,
      })
      expect(await send(world, token, MP4)).toMatchObject({ status: 400, error: 'InvalidToken' })
    }))

  it('is refused once the account has another password, and not because the object starts again', () =>
    inWorld({}, async (world) => {
      const token = await serviceToken(world)
      world.clock.now += 1000
      await world.restart()
      expect(await send(world, token, MP4, { 'content-type': 'video/mp4' })).toMatchObject({ status: 200 })
      expect(world.journal()).not.toContain('new-password')
      const PASSWORD_HASH = await hashPassword(new Secret('a new password'), new Uint8Array(16))
      for (let i = 0; i < 2; i++) await world.restart({ PASSWORD_HASH })
      expect(await send(world, token, MP4)).toMatchObject({ status: 400, error: 'InvalidToken' })
      expect(world.journal().filter((event) => event === 'new-password')).toHaveLength(1)
    }))

  it('is refused with any other token, however close', () =>
    inWorld({}, async (world) => {
      const now = Math.floor(world.clock.now / 1000)
      const claims = { iss: world.did, aud: SERVICE, iat: now, exp: now + 60, lxm: UPLOAD_BLOB, jti: 'x' }
      const { signing } = world.key
      const tokens: Record<string, string> = {
        'for another server': await signing.signServiceToken({ ...claims, aud: 'did:web:other.example.com' }),
        'for another service of this server': await signing.signServiceToken({
          ...claims,
          aud: `${SERVICE}#bsky_chat`,
        }),
        'of another account': await signing.signServiceToken({
          ...claims,
          iss: 'did:web:mallory.example.com',
        }),
        'by another key': await world.recovery.signing.signServiceToken(claims),
        'for createAccount': await signing.signServiceToken({
          ...claims,
          lxm: 'com.atproto.server.createAccount',
        }),
        'for no method': await signing.signServiceToken({ ...claims, lxm: undefined }),
        'for a longer name': await signing.signServiceToken({ ...claims, lxm: `${UPLOAD_BLOB}s` }),
        'a migration token': await world.mint(targeted),
      }
      for (const [name, token] of Object.entries(tokens))
        expect(await send(world, token, MP4), name).toMatchObject({ status: 400, error: 'InvalidToken' })
      expect(await send(world, await signing.signServiceToken(claims), MP4)).toMatchObject({ status: 200 })
    }))

  it('is refused once the app that asked for the token has signed out, and another app’s goes on', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const { refresh_token } = await app.signIn()
      const [own] = world.account.oauth.grants.list()
      const other = await makeGrant(world.account)
      const exp = Math.floor(world.clock.now / 1000) + HALF_AN_HOUR_S
      const asked = (grant: string) =>
        world.account.serviceAuth.sign(
          { aud: SERVICE, lxm: UPLOAD_BLOB, exp },
          { kind: 'grant', claims: { grant } },
        )
      const [first, second] = [await asked(own?.id ?? ''), await asked(other.id)]
      expect(await send(world, first, MP4)).toMatchObject({ status: 200 })
      await app.revoke(refresh_token)
      expect(await send(world, first, MP4)).toMatchObject({
        status: 400,
        error: 'InvalidToken',
        message: expect.stringContaining('token-revoked'),
      })
      expect(await send(world, second, MP4)).toMatchObject({ status: 200 })
      await world.admin.com.cirrus.admin.endGrants({ id: other.id })
      expect(await send(world, second, MP4)).toMatchObject({ status: 400, error: 'InvalidToken' })
    }))

  it('is refused while the account is not active', () =>
    inWorld({}, async (world) => {
      const token = await serviceToken(world)
      await world.admin.com.atproto.server.deactivateAccount({})
      expect(await send(world, token, MP4)).toMatchObject({ status: 403, error: 'AccountDeactivated' })
    }))
})
