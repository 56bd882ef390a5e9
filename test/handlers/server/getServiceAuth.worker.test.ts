import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { partOf } from '../support/calls.ts'
import { targeted } from '../support/did.ts'
import { inWorld, TARGET_DID } from '../support/world.ts'

const CREATE = 'com.atproto.server.createAccount'

const ask = (client: Client, params: { aud: string; lxm?: string; exp?: number }) =>
  client.com.atproto.server.getServiceAuth(params)

describe('getServiceAuth', () => {
  it('gives a session tokens as the reference does: for 60 seconds, with lxm up to an hour', () =>
    inWorld({}, async ({ did, clock, signIn }) => {
      const owner = await signIn()
      const now = Math.floor(clock.now / 1000)
      const { token } = await ask(owner, { aud: TARGET_DID })
      expect(partOf(token, 0)).toEqual({ alg: 'ES256K', typ: 'JWT' })
      expect(partOf(token, 1)).toMatchObject({ iss: did, aud: TARGET_DID, iat: now, exp: now + 60 })
      const hour = { aud: `${TARGET_DID}#bsky_appview`, lxm: 'app.bsky.feed.getTimeline', exp: now + 3600 }
      expect(partOf((await ask(owner, hour)).token, 1)).toMatchObject(hour)
    }))

  it('answers BadExpiration to a time that has passed or is too late', () =>
    inWorld({}, async ({ clock, signIn }) => {
      const owner = await signIn()
      const now = Math.floor(clock.now / 1000)
      for (const times of [
        { exp: now + 61 },
        { exp: now },
        { exp: now - 1 },
        { exp: now + 3601, lxm: CREATE },
      ])
        await expect(ask(owner, { aud: TARGET_DID, ...times })).rejects.toMatchObject({
          error: 'BadExpiration',
        })
    }))

  it('answers InvalidRequest to an audience that is not a DID', () =>
    inWorld({}, async ({ signIn }) => {
      await expect(ask(await signIn(), { aud: 'not a did' })).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
    }))

  it('refuses methods that manage the account, except createAccount', () =>
    inWorld({}, async ({ signIn }) => {
      const owner = await signIn()
      for (const lxm of [
        'com.atproto.identity.signPlcOperation',
        'com.atproto.server.deactivateAccount',
        'com.cirrus.admin.createMigrationToken',
      ])
        await expect(ask(owner, { aud: TARGET_DID, lxm }), lxm).rejects.toMatchObject({
          error: 'InvalidRequest',
        })
      await ask(owner, { aud: TARGET_DID, lxm: CREATE })
    }))

  it("gives a migration token createAccount for its target, for no longer than the token's life", () =>
    inWorld({}, async ({ clock, mint, bearer }) => {
      const token = await mint(targeted)
      const mover = bearer(token)
      const create = { aud: TARGET_DID, lxm: CREATE }
      expect(partOf((await ask(mover, create)).token, 1)).toMatchObject({
        ...create,
        exp: Math.floor(clock.now / 1000) + 60,
      })
      for (const other of [
        { aud: TARGET_DID },
        { aud: TARGET_DID, lxm: 'com.atproto.repo.uploadBlob' },
        { aud: 'did:web:evil.example.com', lxm: CREATE },
      ])
        await expect(ask(mover, other)).rejects.toMatchObject({ error: 'InvalidToken' })
      const exp = Number(partOf(token, 1).exp)
      await expect(ask(mover, { ...create, exp: exp + 1 })).rejects.toMatchObject({ error: 'BadExpiration' })
      await ask(mover, { ...create, exp })
      clock.now = (exp - 10) * 1000
      expect(partOf((await ask(mover, create)).token, 1).exp).toBe(exp)
    }))

  it('gives a migration token nothing without the scope account:create, and any audience without a target', () =>
    inWorld({}, async ({ mint, bearer }) => {
      const narrow = bearer(await mint({ scope: ['repo:read'] }))
      await expect(ask(narrow, { aud: TARGET_DID, lxm: CREATE })).rejects.toMatchObject({
        error: 'InvalidToken',
      })
      await ask(bearer(await mint()), { aud: 'did:web:any.example.com', lxm: CREATE })
    }))
})
