import { describe, expect, it } from 'vitest'
import { connect, type Session } from '../../src/client/index.ts'
import { credentials, DID, failure, json, jwt, type Route, server, streamOf } from './support.ts'

const HOST = 'https://alice.example'
const session: Session = { did: DID, handle: 'alice.example', accessJwt: 'access0', refreshJwt: 'refresh0' }
const idOf = (request: Request): string => request.url.replace(`${HOST}/xrpc/com.atproto.`, '')

/** A server that accepts one access token at a time: the last that it issued. */
function rotating({ refresh, current = 0 }: { refresh?: Route; current?: number } = {}) {
  let generation = current
  const tokens = () => ({ ...session, accessJwt: `access${generation}`, refreshJwt: `refresh${generation}` })
  const memory = server({
    'com.atproto.server.createSession': () => json({ ...tokens(), email: 'a@b.example', active: true }),
    'com.atproto.server.refreshSession':
      refresh ??
      (async () => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        generation++
        return json(tokens())
      }),
    'com.atproto.server.deleteSession': () => new Response(),
    '*': (request) =>
      request.headers.get('authorization') === `Bearer access${generation}`
        ? json({ did: DID, handle: 'alice.example' })
        : failure('ExpiredToken'),
  })
  return {
    ...memory,
    expire: () => {
      generation++
    },
    refreshes: () => memory.requests.filter((request) => idOf(request) === 'server.refreshSession'),
  }
}

describe('signing in', () => {
  it('returns a client with the session, and calls onSession', async () => {
    const { fetch, requests } = rotating()
    const told: (Session | undefined)[] = []
    const client = await connect(HOST, { fetch, onSession: (s) => void told.push(s) }).login({
      identifier: 'alice.example',
      password: 'hunter2',
    })
    await client.com.atproto.server.getSession()
    expect(client.session).toEqual(session)
    expect(told).toEqual([session])
    expect(credentials(requests)).toEqual([null, 'Bearer access0'])
  })
})

describe('an access token that expired', () => {
  it('is refreshed once for any number of calls, and each call is repeated once', async () => {
    const { fetch, refreshes, requests } = rotating({ current: 5 })
    const told: (Session | undefined)[] = []
    const client = connect(HOST, { fetch, session, onSession: (s) => void told.push(s) })
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.com.atproto.server.getSession()))
    expect(answers).toHaveLength(8)
    expect(refreshes()).toHaveLength(1)
    expect(credentials(refreshes())).toEqual(['Bearer refresh0'])
    expect(requests).toHaveLength(8 + 1 + 8)
    expect(told).toEqual([{ ...session, accessJwt: 'access6', refreshJwt: 'refresh6' }])
    expect(client.session?.accessJwt).toBe('access6')
  })

  it('is not refreshed again by a call that comes back late', async () => {
    const late = Promise.withResolvers<void>()
    const { fetch, refreshes } = rotating({ current: 1 })
    const slow: typeof fetch = async (url, init) => {
      const response = await fetch(url, init)
      if (url.endsWith('describeServer') && !response.ok) await late.promise
      return response
    }
    const { server: methods } = connect(HOST, { fetch: slow, session }).com.atproto
    const first = methods.describeServer()
    await methods.getSession()
    late.resolve()
    await first
    expect(refreshes()).toHaveLength(1)
  })

  it('is an error when it is refused again after a refresh', async () => {
    const { fetch, requests } = server({
      'com.atproto.server.refreshSession': () => json(session),
      '*': () => failure('ExpiredToken'),
    })
    const call = connect(HOST, { fetch, session }).com.atproto.server.getSession()
    await expect(call).rejects.toMatchObject({ error: 'ExpiredToken' })
    expect(requests).toHaveLength(3)
  })

  it('ends the session when the refresh token is refused', async () => {
    const { fetch } = rotating({ current: 1, refresh: () => failure('ExpiredToken') })
    const told: (Session | undefined)[] = []
    const client = connect(HOST, { fetch, session, onSession: (s) => void told.push(s) })
    await expect(client.com.atproto.server.getSession()).rejects.toMatchObject({ error: 'ExpiredToken' })
    expect(told).toEqual([undefined])
    expect(client.session).toBeUndefined()
  })

  it('of a session that has ended is refreshed once for any number of calls, also late ones, and none is repeated', async () => {
    const late = Promise.withResolvers<void>()
    const message = 'this session has ended; sign in again'
    const { fetch, requests } = server({ '*': () => failure('ExpiredToken', 400, message) })
    const slow: typeof fetch = async (url, init) => {
      const response = await fetch(url, init)
      if (url.endsWith('describeServer')) await late.promise
      return response
    }
    const told: (Session | undefined)[] = []
    const client = connect(HOST, { fetch: slow, session, onSession: (s) => void told.push(s) })
    const { server: methods } = client.com.atproto
    const last = methods.describeServer().catch((error: unknown) => error)
    const calls = await Promise.allSettled(Array.from({ length: 8 }, () => methods.getSession()))
    late.resolve()
    const errors = calls.map((call) => (call.status === 'rejected' ? call.reason : undefined))
    for (const error of [...errors, await last])
      expect(error).toMatchObject({ status: 400, error: 'ExpiredToken', message })
    expect(told).toEqual([undefined])
    expect(client.session).toBeUndefined()
    expect(requests).toHaveLength(9 + 1)
  })

  it('keeps the session when only the network failed, and refreshes at the next call', async () => {
    let broken = true
    const { fetch, refreshes } = rotating({ current: 1 })
    const flaky: typeof fetch = (url, init) =>
      broken && url.endsWith('refreshSession') ? Promise.reject(new TypeError('reset')) : fetch(url, init)
    const client = connect(HOST, { fetch: flaky, session })
    await expect(client.com.atproto.server.getSession()).rejects.toMatchObject({ error: 'NetworkError' })
    expect(client.session).toEqual(session)
    broken = false
    await client.com.atproto.server.getSession()
    expect(refreshes()).toHaveLength(1)
  })

  it('is refreshed before a stream is sent, which could not be sent again', async () => {
    const soon = { ...session, accessJwt: jwt('access', Date.now() / 1000 + 5) }
    const { fetch, requests } = rotating()
    await connect(HOST, { fetch, session: soon }).com.atproto.repo.uploadBlob({
      encoding: 'image/png',
      body: streamOf('png'),
    })
    expect(requests.map(idOf)).toEqual(['server.refreshSession', 'repo.uploadBlob'])
  })

  it('is refreshed after a stream was refused, so that the caller can send another', async () => {
    const { fetch, requests } = rotating({ current: 1 })
    const { repo } = connect(HOST, { fetch, session }).com.atproto
    const upload = () => repo.uploadBlob({ encoding: 'image/png', body: streamOf('png') })
    await expect(upload()).rejects.toMatchObject({ error: 'ExpiredToken' })
    await upload()
    expect(requests.map(idOf)).toEqual(['repo.uploadBlob', 'server.refreshSession', 'repo.uploadBlob'])
  })
})

describe('a session', () => {
  it('is changed by a direct call of refreshSession', async () => {
    const { fetch } = rotating()
    const client = connect(HOST, { fetch }).withSession(session)
    await client.com.atproto.server.refreshSession()
    expect(client.session?.accessJwt).toBe('access1')
  })

  it('is revoked by logout, with the refresh token; nothing is sent with it afterwards', async () => {
    const { fetch, requests } = rotating()
    const told: (Session | undefined)[] = []
    const client = connect(HOST, { fetch, session, onSession: (s) => void told.push(s) })
    await client.logout()
    await client.logout()
    await expect(client.com.atproto.server.getSession()).rejects.toMatchObject({ error: 'ExpiredToken' })
    expect(told).toEqual([undefined])
    expect(credentials(requests)).toEqual(['Bearer refresh0', null])
  })

  it('that the server no longer knows can be left, too', async () => {
    const { fetch } = server({ '*': () => failure('InvalidToken') })
    const client = connect(HOST, { fetch, session })
    await client.logout()
    expect(client.session).toBeUndefined()
  })
})
