/** What an app does to the account is in the journal as its doing, by the grant that let it. */
import { expect, it } from 'vitest'
import { inWorld, type World } from '../handlers/support/world.ts'
import { makeGrant } from '../support/grant.ts'

const NEW = 'alice.example.org'

const last = ({ account }: World, event: string) =>
  account.journal.page({ limit: 10 }).entries.find((entry) => entry.event === event)?.detail

it.each([
  ['handle', 'identity:handle', 'com.atproto.identity.updateHandle', { handle: NEW }],
  ['deactivate', 'account:status?action=manage', 'com.atproto.server.deactivateAccount', {}],
])('%s', (event, scope, method, body) =>
  inWorld({}, async (world) => {
    world.dns.set(NEW, world.did)
    const grant = await makeGrant(world.account, `atproto ${scope}`)
    const path = `/xrpc/${method}`
    const answer = await world.fetch(path, {
      method: 'POST',
      headers: { ...(await grant.headers('POST', path)), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(200)
    expect(last(world, event)).toMatchObject({ by: `grant ${grant.id}` })
  }),
)
