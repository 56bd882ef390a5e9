/** What is not served here goes to another service: which one, with which headers and which token, and what comes back. */
import { describe, expect, it } from 'vitest'
import { verifyServiceToken } from '../../src/signing/serviceToken.ts'
import { logIn } from '../handlers/support/calls.ts'
import { outcome } from '../handlers/support/slow.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
import { playService } from './support.ts'

const TIMELINE = '/xrpc/app.bsky.feed.getTimeline'
const APP_VIEW_HOST = 'api.example.com'
const APP_VIEW_DID = 'did:web:api.example.com'

const bearer = async ({ client }: World): Promise<Record<string, string>> => ({
  authorization: `Bearer ${(await logIn(client)).accessJwt}`,
})

describe('a method that is not served', () => {
  it('goes to the AppView with a token of the account, for this method and a minute', () =>
    inWorld({}, async (world) => {
      const asked = playService(world, APP_VIEW_HOST)
      const headers = await bearer(world)
      const answer = await world.fetch(`${TIMELINE}?limit=3&cursor=%C3%A4`, { headers })
      expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
      const [call] = asked
      if (!call) throw new Error('the AppView was not asked')
      expect(call.url.href).toBe(`https://${APP_VIEW_HOST}${TIMELINE}?limit=3&cursor=%C3%A4`)
      const token = call.headers.get('authorization')?.replace('Bearer ', '') ?? ''
      expect(token).not.toBe(headers['authorization'])
      const claims = await verifyServiceToken(token, {
        didKey: world.key.did,
        issuer: world.did,
        audiences: [APP_VIEW_DID],
        lxm: 'app.bsky.feed.getTimeline',
        now: world.clock.now,
      })
      expect(claims.exp).toBe(Math.floor(world.clock.now / 1000) + 60)
    }))

  it('is 401 without a credential, and nobody is asked', () =>
    inWorld({}, async (world) => {
      const asked = playService(world, APP_VIEW_HOST)
      expect(await outcome(world.fetch(TIMELINE))).toEqual([401, 'AuthMissing'])
      expect(asked).toEqual([])
    }))

  it('is not forwarded for an account that is not active', () =>
    inWorld({}, async (world) => {
      const asked = playService(world, APP_VIEW_HOST)
      const headers = await bearer(world)
      await world.admin.com.atproto.server.deactivateAccount()
      expect(await outcome(world.fetch(TIMELINE, { headers }))).toEqual([403, 'AccountDeactivated'])
      expect(asked).toEqual([])
    }))
})
