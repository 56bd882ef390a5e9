/** What other servers do by mail and by invite codes: it is refused with what the owner does instead, or answered as empty. */
import { describe, expect, it } from 'vitest'
import { logIn } from '../support/calls.ts'
import { HANDLE, inWorld } from '../support/world.ts'

const EMAIL = 'alice@example.com'
const refused = (...words: string[]) => ({
  status: 400,
  error: 'InvalidRequest',
  message: expect.stringMatching(new RegExp(['sends no mail', ...words].join('[^]*'))),
})

describe('methods about the e-mail address', () => {
  it.each([
    ['requestEmailConfirmation', undefined],
    ['confirmEmail', { email: EMAIL, token: 'x' }],
    ['requestEmailUpdate', undefined],
    ['updateEmail', { email: EMAIL, token: 'x' }],
  ] as const)('%s says that EMAIL is to be set, or changed, and changes nothing', (name, input) =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      // One of four functions, each with its own input.
      const method = owner.com.atproto.server[name] as (input: unknown) => Promise<unknown>
      const call = () => method(input)
      await expect(call()).rejects.toMatchObject(refused('set EMAIL'))
      await world.restart({ EMAIL })
      await expect(call()).rejects.toMatchObject(refused('EMAIL', 'change it'))
      expect(await owner.com.atproto.server.getSession()).toMatchObject({
        email: EMAIL,
        emailConfirmed: true,
      })
    }),
  )
})

describe('methods about the password', () => {
  it('name the command, to anyone, in every state', () =>
    inWorld({}, async ({ client, admin }) => {
      const { server } = client.com.atproto
      const ask = async () => {
        await expect(server.requestPasswordReset({ email: EMAIL })).rejects.toMatchObject(
          refused('pds set-password'),
        )
        await expect(server.resetPassword({ token: 'x', password: 'canary' })).rejects.toMatchObject(
          refused('pds set-password'),
        )
      }
      await ask()
      await admin.com.atproto.server.deactivateAccount({})
      await ask()
    }))
})

describe('methods that delete the account', () => {
  it('name the command, and delete nothing', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const want = refused('pds delete-account')
      await expect(owner.com.atproto.server.requestAccountDelete()).rejects.toMatchObject(want)
      await expect(
        world.client.com.atproto.server.deleteAccount({ did: world.did, password: 'x', token: 'x' }),
      ).rejects.toMatchObject(want)
      await logIn(world.client)
    }))
})

describe('getAccountInviteCodes', () => {
  it('has none, for the owner and not for apps', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      expect(await owner.com.atproto.server.getAccountInviteCodes({ includeUsed: false })).toEqual({
        codes: [],
      })
      const { password } = await owner.com.atproto.server.createAppPassword({ name: 'app', privileged: true })
      const app = world.bearer((await logIn(world.client, HANDLE, password)).accessJwt)
      await expect(app.com.atproto.server.getAccountInviteCodes()).rejects.toMatchObject({
        error: 'InvalidToken',
      })
    }))
})

describe('checkSignupQueue', () => {
  it('says that nobody waits', () =>
    inWorld({}, async ({ signIn }) => {
      expect(await (await signIn()).com.atproto.temp.checkSignupQueue()).toEqual({ activated: true })
    }))
})

describe('reserveSigningKey', () => {
  it('gives the key that the DID is to name, before there is an account too', () =>
    inWorld({ active: false }, async ({ client, admin, key, did }) => {
      expect(await client.com.atproto.server.reserveSigningKey({})).toEqual({ signingKey: key.did })
      await admin.com.atproto.server.activateAccount()
      expect(await client.com.atproto.server.reserveSigningKey({ did })).toEqual({ signingKey: key.did })
    }))

  it('answers InvalidRequest to another DID', () =>
    inWorld({}, async ({ client }) => {
      await expect(
        client.com.atproto.server.reserveSigningKey({ did: 'did:web:other.example.com' }),
      ).rejects.toMatchObject({ status: 400, error: 'InvalidRequest' })
    }))
})
