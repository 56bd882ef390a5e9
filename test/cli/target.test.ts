import { describe, expect, it } from 'vitest'
import { CliError } from '../../src/cli/errors.ts'
import { describeTarget, refuseSelf } from '../../src/cli/servers/target.ts'
import { outbound } from '../../src/outbound.ts'

/** A network of servers that answer describeServer. */
const network = (servers: Record<string, unknown>) => {
  const fetch = async (url: RequestInfo | URL) => {
    const { origin } = new URL(String(url))
    const answer = servers[origin]
    if (answer instanceof Response) return answer
    if (answer === undefined) throw new TypeError('fetch failed')
    return Response.json(answer)
  }
  return outbound({ fetch }, { dev: false })
}
const pds = (did: unknown) => ({ did, availableUserDomains: [] })
const ask = (input: string, servers: Record<string, unknown>) =>
  describeTarget(input, network(servers), false).catch((cause: unknown) =>
    cause instanceof CliError ? cause.code : String(cause),
  )

describe('--target', () => {
  const good = { 'https://new.example.com': pds('did:web:new.example.com') }

  it('accepts a URL, a host name and a did:web', async () => {
    const target = { origin: 'https://new.example.com', did: 'did:web:new.example.com', isOwnDid: true }
    for (const input of [
      'https://new.example.com',
      'https://new.example.com/',
      'new.example.com',
      target.did,
    ])
      expect(await ask(input, good)).toEqual(target)
  })

  it.each([
    ['did:plc:ewvi7nxzyoun6zhxrhs64oiz', 'bad-target'],
    ['http://new.example.com', 'bad-target'],
    ['https://new.example.com/path', 'bad-target'],
    ['https://user:pass@new.example.com', 'bad-target'],
    ['https://10.0.0.1', 'bad-target'],
    ['localhost:3000', 'bad-target'],
    ['not a url', 'bad-target'],
    ['https://down.example.com', 'target-unreachable'],
  ])('refuses %s as %s', async (input, code) => {
    expect(await ask(input, good)).toBe(code)
  })

  it.each([
    ['no DID', {}],
    ['something that is not a DID', pds('did:nonsense')],
    ['another host’s DID', pds('did:web:victim.example.com')],
    ['no list of domains', { did: 'did:web:new.example.com' }],
    ['text that would move the cursor', pds('did:web:\u001B[2J')],
  ])('refuses a describeServer that says %s', async (_, answer) => {
    expect(await ask('https://new.example.com', { 'https://new.example.com': answer })).toBe('target-lies')
  })

  it('notes that a DID is not the did:web of the host', async () => {
    const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
    expect(await ask('https://new.example.com', { 'https://new.example.com': pds(did) })).toEqual({
      origin: 'https://new.example.com',
      did,
      isOwnDid: false,
    })
  })

  it('does not follow a redirect', async () => {
    const away = {
      'https://new.example.com': new Response('', {
        status: 302,
        headers: { location: 'https://x.example' },
      }),
    }
    expect(await ask('https://new.example.com', away)).toBe('target-unreachable')
  })

  it('must not be the server that the account is on', () => {
    const self = { origin: 'https://old.example.com', did: 'did:web:old.example.com' }
    expect(() => refuseSelf({ origin: 'https://alias.example.com', did: self.did }, self)).toThrow(CliError)
    expect(() => refuseSelf({ ...self, did: 'did:web:x' }, self)).toThrow(CliError)
    expect(() =>
      refuseSelf({ origin: 'https://new.example.com', did: 'did:web:new.example.com' }, self),
    ).not.toThrow()
  })
})
