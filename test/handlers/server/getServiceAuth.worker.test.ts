import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { logIn, partOf } from '../support/calls.ts'
import { targeted } from '../support/did.ts'
import { HANDLE, inWorld, SERVICE, TARGET_DID, type World } from '../support/world.ts'

const CREATE = 'com.atproto.server.createAccount'

const ask = (client: Client, params: { aud: string; lxm?: string; exp?: number }) =>
  client.com.atproto.server.getServiceAuth(params)

const sessionOf = async ({ admin, client, bearer }: World, privileged: boolean): Promise<Client> => {
  const { password } = await admin.com.atproto.server.createAppPassword({ name: `${privileged}`, privileged })
  return bearer((await logIn(client, HANDLE, password)).accessJwt)
}

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

  it('journals a token that moves the account, however its method is spelled', () =>
    inWorld({}, async ({ account, signIn }) => {
      const owner = await signIn()
      for (const lxm of [CREATE, 'com.atproto.server.createaccount']) {
        await ask(owner, { aud: TARGET_DID, lxm })
        const [latest] = account.journal.page({ limit: 1 }).entries
        expect(latest).toMatchObject({ event: 'service-token', detail: { aud: TARGET_DID, lxm } })
      }
    }))

  it('refuses every method that the reference protects, in any case', () =>
    inWorld({}, async ({ signIn }) => {
      const owner = await signIn()
      const names = [
        'admin.sendEmail',
        ...['requestPlcOperationSignature', 'signPlcOperation', 'updateHandle'].map(
          (name) => `identity.${name}`,
        ),
        ...[
          'activateAccount',
          'confirmEmail',
          'createAppPassword',
          'deactivateAccount',
          'getAccountInviteCodes',
          'getSession',
          'listAppPasswords',
          'requestAccountDelete',
          'requestEmailConfirmation',
          'requestEmailUpdate',
          'revokeAppPassword',
          'updateEmail',
        ].map((name) => `server.${name}`),
        // And those that we add.
        'identity.submitPlcOperation',
        ...['createSession', 'refreshSession', 'deleteSession', 'deleteAccount', 'getServiceAuth'].map(
          (name) => `server.${name}`,
        ),
      ]
      for (const lxm of names.flatMap((name) => [`com.atproto.${name}`, `com.atproto.${name.toUpperCase()}`]))
        await expect(
          // The lexicon wants an NSID, whose last part may have capitals.
          ask(owner, {
            aud: TARGET_DID,
            lxm: lxm.replace(/\.(IDENTITY|SERVER|ADMIN)\./, (group) => group.toLowerCase()),
          }),
          lxm,
        ).rejects.toMatchObject({ error: 'InvalidRequest' })
    }))

  it('gives an ordinary app password a token for one method, none for createAccount, none for chat', () =>
    inWorld({}, async (world) => {
      const app = await sessionOf(world, false)
      const { token } = await ask(app, { aud: TARGET_DID, lxm: 'com.atproto.repo.uploadBlob' })
      expect(partOf(token, 1)).toMatchObject({ iss: world.did, lxm: 'com.atproto.repo.uploadBlob' })
      for (const lxm of [
        undefined,
        CREATE,
        'com.atproto.server.createaccount',
        'chat.bsky.convo.listConvos',
        'chat.bsky.convo.LISTCONVOS',
      ])
        await expect(
          ask(app, { aud: TARGET_DID, ...(lxm !== undefined && { lxm }) }),
          lxm,
        ).rejects.toMatchObject({ status: 400, error: 'InvalidRequest' })
    }))

  it('gives a privileged app password one for chat too, and none with which an account moves', () =>
    inWorld({}, async (world) => {
      const app = await sessionOf(world, true)
      const { token } = await ask(app, { aud: TARGET_DID, lxm: 'chat.bsky.convo.listConvos' })
      expect(partOf(token, 1)).toMatchObject({ iss: world.did, lxm: 'chat.bsky.convo.listConvos' })
      for (const lxm of [
        undefined,
        CREATE,
        'com.atproto.server.createaccount',
        'com.atproto.server.createAppPassword',
        'com.cirrus.admin.getStatus',
      ])
        await expect(
          ask(app, { aud: TARGET_DID, ...(lxm !== undefined && { lxm }) }),
          lxm,
        ).rejects.toMatchObject({ status: 400, error: 'InvalidRequest' })
    }))

  it('gives each kind of session tokens of 30 minutes for uploadBlob, as the video path needs', () =>
    inWorld({}, async (world) => {
      const exp = Math.floor(world.clock.now / 1000) + 30 * 60
      for (const session of [
        await world.signIn(),
        await sessionOf(world, false),
        await sessionOf(world, true),
      ]) {
        const { token } = await ask(session, { aud: SERVICE, lxm: 'com.atproto.repo.uploadBlob', exp })
        expect(partOf(token, 1)).toMatchObject({ aud: SERVICE, exp })
      }
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
