import { describe, expect, it } from 'vitest'
import { inWorld, SERVICE } from '../support/world.ts'

describe('describeServer', () => {
  it('names the service DID and no domain to choose from, in every state of the account', () =>
    inWorld({ active: false }, async ({ client, admin }) => {
      const expected = { did: SERVICE, availableUserDomains: [], inviteCodeRequired: false }
      const raw = await client.com.atproto.server.describeServer()
      expect(raw).toHaveProperty('account', {
        did: expect.stringMatching(/^did:/),
        handle: expect.any(String),
      })
      expect(await client.com.atproto.server.describeServer()).toMatchObject(expected)
      await admin.com.atproto.server.activateAccount()
      await admin.com.atproto.server.deactivateAccount()
      expect(await client.com.atproto.server.describeServer()).toMatchObject(expected)
    }))
})
