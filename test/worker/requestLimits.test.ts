import { describe, expect, it } from 'vitest'
import { createMemoryLimit } from '../../src/memoryLimit.ts'
import { createRequestLimits } from '../../src/worker/requestLimits.ts'
import { XrpcError } from '../../src/xrpc/errors.ts'

const START = Date.parse('2026-01-01T00:00:00Z')

describe('a limit that is counted in memory', () => {
  const limit = (max = 2) => {
    const clock = { now: START }
    return { clock, ...createMemoryLimit({ now: () => clock.now, max, windowSeconds: 60 }) }
  }

  it('refuses what is beyond a window, and says when the next one begins', () => {
    const { clock, take } = limit()
    expect([take('a'), take('a')]).toEqual([undefined, undefined])
    clock.now += 59_000
    expect(take('a')).toEqual({ max: 2, windowSeconds: 60, used: 2, reset: START / 1000 + 60 })
    expect(take('b')).toBeUndefined()
    clock.now += 1000
    expect(take('a')).toBeUndefined()
  })

  it('takes back what does not count, and never more than was counted', () => {
    const { take, giveBack } = limit()
    giveBack('a')
    take('a')
    giveBack('a')
    giveBack('a')
    expect([take('a'), take('a'), take('a')?.used]).toEqual([undefined, undefined, 2])
  })

  it('ends a window although the clock has gone back', () => {
    const { clock, take } = limit()
    take('a')
    take('a')
    clock.now -= 3600_000
    expect(take('a')).toBeDefined()
    clock.now += 60_000
    expect(take('a')).toBeUndefined()
  })

  it('forgets the oldest of very many keys', () => {
    const { take } = limit(1)
    take('first')
    for (let n = 0; n < 9999; n++) take(`k${n}`)
    expect(take('first')).toBeDefined()
    take('one more')
    expect(take('first')).toBeUndefined()
    expect(take('k9998')).toBeDefined()
  })

  it('with 0 is none', () => {
    const { take } = limit(0)
    for (let n = 0; n < 10; n++) expect(take('a')).toBeUndefined()
  })
})

describe('the requests of an address', () => {
  const limits = (requestsPer5Minutes = 3) => {
    const clock = { now: START }
    const { run } = createRequestLimits({ now: () => clock.now, requestsPer5Minutes })
    const ask = async (
      path: string,
      { ip = '192.0.2.1', status = 200, token }: { ip?: string; status?: number; token?: string } = {},
    ): Promise<Response> => {
      const headers = {
        ...(ip && { 'cf-connecting-ip': ip }),
        ...(token !== undefined && { authorization: token }),
      }
      const request = new Request(`https://pds.test/xrpc/${path}`, { headers })
      return await run(request, async () => new Response('', { status }))
    }
    return { clock, ask }
  }
  const BLOB = 'com.atproto.sync.getBlob?did=x'
  const REPO = 'com.atproto.sync.getRepo?did=x'

  const refused = async (answer: Promise<unknown>): Promise<XrpcError> => {
    const cause = await answer.then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (!(cause instanceof XrpcError)) throw new Error('the request was answered')
    return cause
  }

  it('are answered up to the limit, without a header about it, and then refused with all of them', async () => {
    const { clock, ask } = limits()
    for (let n = 0; n < 3; n++) {
      const { headers } = await ask(BLOB)
      expect([...headers.keys()].filter((name) => /ratelimit|retry/.test(name))).toEqual([])
    }
    clock.now += 100_000
    const { error, status, headers, message } = await refused(ask(BLOB))
    expect([error, status]).toEqual(['RateLimitExceeded', 429])
    expect(message).toContain('too many requests: at most 3 in 300 seconds; try again in 200 seconds')
    expect(headers).toEqual({
      'ratelimit-limit': '3',
      'ratelimit-remaining': '0',
      'ratelimit-reset': String(START / 1000 + 300),
      'ratelimit-policy': '3;w=300',
      'retry-after': '200',
    })
    clock.now += 200_000
    await ask(BLOB)
  })

  it('are those of one address, or of one IPv6 network', async () => {
    const { ask } = limits(1)
    await ask(BLOB)
    await refused(ask(BLOB))
    await ask(BLOB, { ip: '192.0.2.2' })
    await ask(BLOB, { ip: '2001:db8:1:2::3' })
    await refused(ask(BLOB, { ip: '2001:db8:1:2::4' }))
  })

  it('count getRepo by itself, and twice as many', async () => {
    const { ask } = limits(1)
    await ask(BLOB)
    await ask(REPO)
    await ask(REPO)
    expect((await refused(ask(REPO))).headers['ratelimit-limit']).toBe('2')
  })

  it('do not count where a good credential came with them: a move is never a reason to wait', async () => {
    const { ask } = limits(1)
    for (const path of [BLOB, 'app.bsky.feed.getTimeline', 'com.atproto.server.getSession', 'constructor'])
      for (let n = 0; n < 10; n++) await ask(path, { token: 'Bearer good' })
    await ask(BLOB)
    await refused(ask(BLOB, { token: 'Bearer good' }))
  })

  it('count where the credential was bad, or is not looked at', async () => {
    const read = 'com.atproto.repo.getRecord?repo=x'
    for (const request of [
      { path: BLOB, status: 401 },
      { path: read, status: 200 },
      { path: 'com.atproto.server.describeServer', status: 200 },
      { path: 'com.atproto.sync.subscribeRepos', status: 200 },
    ]) {
      const { ask } = limits(1)
      await ask(request.path, { token: 'Bearer bad', status: request.status })
      await refused(ask(request.path, { token: 'Bearer bad' }))
    }
  })

  it('count under every spelling of the path that is served, and where the credential is empty', async () => {
    const slashes = limits(1)
    await slashes.ask('com.atproto.server.describeServer//', { token: 'Bearer bad' })
    await refused(slashes.ask('com.atproto.server.describeServer///', { token: 'Bearer bad' }))
    const exports = limits(1)
    for (let n = 0; n < 2; n++) await exports.ask('com.atproto.sync.getRepo//?did=x')
    expect((await refused(exports.ask(REPO))).headers['ratelimit-limit']).toBe('2')
    const empty = limits(1)
    await empty.ask(BLOB, { token: '' })
    await refused(empty.ask(BLOB, { token: ' ' }))
  })

  it('are not limited in development, or where the owner has set 0', async () => {
    const { ask } = limits(1)
    for (let n = 0; n < 5; n++) {
      await ask(BLOB, { ip: '' })
      await ask(BLOB, { ip: '127.0.0.1' })
    }
    const unlimited = limits(0)
    for (let n = 0; n < 5; n++) await unlimited.ask(BLOB)
  })
})
