import { describe, expect, it } from 'vitest'
import { HANDLE, inWorld } from '../support/world.ts'

const BOB = 'bob.example.com'
const BOBS_DID = `did:plc:${'b'.repeat(24)}`

describe('resolveHandle', () => {
  it('knows its own handle without asking, before there is an account', () =>
    inWorld({ active: false }, async ({ client, did }) => {
      expect(await client.com.atproto.identity.resolveHandle({ handle: HANDLE })).toEqual({ did })
    }))

  it('looks another handle up at its host', () =>
    inWorld({}, async ({ client, hosts }) => {
      hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
      hosts.set(BOB, () => new Response(BOBS_DID))
      expect(await client.com.atproto.identity.resolveHandle({ handle: BOB })).toEqual({ did: BOBS_DID })
    }))

  it('answers HandleNotFound where nobody claims the handle', () =>
    inWorld({}, async ({ client, hosts }) => {
      hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
      hosts.set(BOB, () => new Response('', { status: 404 }))
      await expect(client.com.atproto.identity.resolveHandle({ handle: BOB })).rejects.toMatchObject({
        status: 400,
        error: 'HandleNotFound',
      })
    }))

  it('answers UpstreamFailure where nothing can be reached', () =>
    inWorld({}, async ({ client }) => {
      await expect(client.com.atproto.identity.resolveHandle({ handle: BOB })).rejects.toMatchObject({
        status: 502,
        error: 'UpstreamFailure',
      })
    }))
})
