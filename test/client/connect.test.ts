import { describe, expect, it } from 'vitest'
import { connect, type Fetch, XrpcError } from '../../src/client/index.ts'
import { credentials, DID, failure, json, server } from './support.ts'

const status = { did: DID, active: true }
const HOST = 'https://alice.example'

const caught = async (promise: Promise<unknown>): Promise<XrpcError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof XrpcError) return error
  throw new Error('expected an XrpcError', { cause: error })
}

describe('the host', () => {
  it.each([
    ['alice.example', 'https://alice.example'],
    ['alice.example:8443', 'https://alice.example:8443'],
    ['https://alice.example', 'https://alice.example'],
    ['https://alice.example/', 'https://alice.example'],
    ['localhost:2583', 'http://localhost:2583'],
    ['127.0.0.1:2583', 'http://127.0.0.1:2583'],
    ['http://[::1]:2583', 'http://[::1]:2583'],
  ])('%s is taken as %s', (host, origin) => expect(connect(host).origin).toBe(origin))

  it.each([
    '',
    'not a host',
    'did:web:alice.example',
    'alice.example/xrpc',
    'https://alice.example/?a=b',
    'https://alice.example#top',
    'http://alice.example',
    'ftp://alice.example',
    'file:///etc/passwd',
  ])('"%s" is refused, and the message says what to give', (host) => {
    expect(() => connect(host)).toThrow(TypeError)
    expect(() => connect(host)).toThrow(/give a name such as alice\.example/)
    expect(() => connect(host)).toThrow(`"${host}"`)
  })

  it('is not shown in the error where it has a password', () => {
    expect(() => connect('https://alice:hunter2@alice.example')).toThrow(/^(?!.*hunter2)/)
  })
})

describe('a request', () => {
  it('has params as the lexicon writes them, and leaves out what is not given', async () => {
    const { fetch, requests } = server({ '*': () => json({ records: [] }) })
    const { repo } = connect(HOST, { fetch }).com.atproto
    await repo.listRecords({ repo: DID, collection: 'a.b.c', limit: 5, reverse: true, cursor: undefined })
    expect(requests[0]?.method).toBe('GET')
    expect(requests[0]?.url).toBe(
      `${HOST}/xrpc/com.atproto.repo.listRecords?repo=did%3Aplc%3Aewvi7nxzyoun6zhxrhs64oiz&collection=a.b.c&limit=5&reverse=true`,
    )
  })

  it('repeats the name of an array param for each item', async () => {
    const { fetch, requests } = server({
      '*': () => new Response('', { headers: { 'content-type': 'application/vnd.ipld.car' } }),
    })
    await connect(HOST, { fetch }).com.atproto.sync.getBlocks({ did: 'd', cids: ['one', 'two'] })
    expect(requests[0]?.url).toMatch(/\?did=d&cids=one&cids=two$/)
  })

  it('sends an empty object where the input is optional, and no body where there is none', async () => {
    const { fetch, requests } = server({ '*': () => new Response() })
    const { server: methods } = connect(HOST, { fetch }).com.atproto
    await methods.deactivateAccount()
    await methods.activateAccount()
    expect(await requests[0]?.json()).toEqual({})
    expect(requests[1]?.body).toBeNull()
    expect(requests[1]?.headers.has('content-type')).toBe(false)
  })

  it('has the headers of the connection and of the call', async () => {
    const { fetch, requests } = server({ '*': () => json(status) })
    const client = connect(HOST, { fetch, headers: { 'user-agent': 'mover/1', 'x-a': 'all' } })
    await client.com.atproto.sync.getRepoStatus({ did: DID }, { headers: { 'x-a': 'one' } })
    expect(requests[0]?.headers.get('user-agent')).toBe('mover/1')
    expect(requests[0]?.headers.get('x-a')).toBe('one')
  })

  it('is aborted by its signal, with the reason of the signal', async () => {
    const never: Fetch = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        const stop = () => reject(new DOMException('', 'AbortError'))
        if (signal?.aborted) stop()
        signal?.addEventListener('abort', stop)
      })
    const abort = new AbortController()
    const call = connect(HOST, { fetch: never }).com.atproto.server.describeServer(
      {},
      { signal: abort.signal },
    )
    abort.abort(new Error('changed my mind'))
    await expect(call).rejects.toThrow('changed my mind')
  })
})

describe('a credential', () => {
  it('is a bearer token, the admin password, or nothing', async () => {
    const { fetch, requests } = server({ '*': () => json(status) })
    const anonymous = connect(HOST, { fetch })
    for (const client of [
      anonymous,
      connect(HOST, { fetch, token: 'abc' }),
      connect(HOST, { fetch, admin: { password: 'größe' } }),
      anonymous.withToken('def'),
    ])
      await client.com.atproto.sync.getRepoStatus({ did: DID })
    const basic = `Basic ${Buffer.from('admin:größe').toString('base64')}`
    expect(credentials(requests)).toEqual([null, 'Bearer abc', basic, 'Bearer def'])
  })

  it('is only one of token, admin and session', () => {
    expect(() => connect(HOST, { token: 'abc', admin: { password: 'x' } })).toThrow(/one of token, admin/)
  })

  it('is replaced by the Authorization header of a call', async () => {
    const { fetch, requests } = server({ '*': () => json(status) })
    await connect(HOST, { fetch, token: 'abc' }).com.atproto.sync.getRepoStatus(
      { did: DID },
      { headers: { authorization: 'Bearer own' } },
    )
    expect(credentials(requests)).toEqual(['Bearer own'])
  })

  it.each([301, 302, 307, 308])('never follows a redirect (%i)', async (code) => {
    const { fetch, requests } = server({
      '*': () => new Response(null, { status: code, headers: { location: 'https://evil.example/' } }),
    })
    const error = await caught(connect(HOST, { fetch, token: 'abc' }).com.atproto.sync.getRepo({ did: DID }))
    expect(error).toMatchObject({ error: 'Unexpected', status: code })
    expect(error.message).toContain('https://evil.example/')
    expect(requests.map(({ redirect }) => redirect)).toEqual(['manual'])
  })

  it('never follows a redirect of a request with a password in its body', async () => {
    const { fetch, requests } = server({ '*': () => failure('AuthenticationRequired', 401) })
    await caught(connect(HOST, { fetch }).login({ identifier: 'a', password: 'b' }))
    await caught(connect(HOST, { fetch }).com.atproto.sync.getRepo({ did: DID }))
    expect(requests.map(({ redirect }) => redirect)).toEqual(['manual', 'follow'])
  })

  it('that expires is renewed once for all calls, and each call is repeated', async () => {
    let renewed = 0
    const { fetch, requests } = server({
      '*': (request) =>
        request.headers.get('authorization') === 'Bearer new' ? json(status) : failure('ExpiredToken'),
    })
    const { sync } = connect(HOST, {
      fetch,
      token: 'old',
      renewToken: async () => {
        renewed++
        return 'new'
      },
    }).com.atproto
    await Promise.all([1, 2, 3].map(() => sync.getRepoStatus({ did: DID })))
    expect(renewed).toBe(1)
    expect(credentials(requests).filter((header) => header === 'Bearer new')).toHaveLength(3)
  })

  it('that expires with no way to renew it is an ExpiredToken', async () => {
    const { fetch, requests } = server({ '*': () => failure('ExpiredToken') })
    const error = await caught(connect(HOST, { fetch, token: 'old' }).com.atproto.sync.getRepo({ did: DID }))
    expect(error.error).toBe('ExpiredToken')
    expect(requests).toHaveLength(1)
  })
})

describe('an answer', () => {
  const call = (route: () => Response) =>
    connect(HOST, { fetch: server({ '*': route }).fetch }).com.atproto.sync.getRepoStatus({ did: DID })

  it('is the output', async () => expect(await call(() => json(status))).toEqual(status))

  it('is an error with name, status, message and headers', async () => {
    const error = await caught(
      call(() => json({ error: 'RepoNotFound', message: 'no' }, 400, { 'x-id': '7' })),
    )
    expect(error).toMatchObject({ error: 'RepoNotFound', status: 400, message: 'no', declared: true })
    expect(error.headers.get('x-id')).toBe('7')
  })

  it('that is not XRPC is Unexpected, with the status', async () => {
    const page = () =>
      new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'content-type': 'text/html' } })
    expect(await caught(call(page))).toMatchObject({ error: 'Unexpected', status: 502 })
    expect(await caught(call(() => new Response('{', { status: 500 })))).toMatchObject({
      error: 'Unexpected',
    })
    expect(await caught(call(() => json('oops', 500)))).toMatchObject({ error: 'Unexpected', status: 500 })
  })

  it('of success that is not JSON is Unexpected too', async () => {
    const parked = () =>
      new Response('<h1>This domain is for sale</h1>', { headers: { 'content-type': 'text/html' } })
    expect(await caught(call(parked))).toMatchObject({ error: 'Unexpected', status: 200 })
    const broken = () => new Response('{"did":', { headers: { 'content-type': 'application/json' } })
    expect(await caught(call(broken))).toMatchObject({ error: 'Unexpected', status: 200 })
  })

  it('in JSON that never ends is not read further than the limit', async () => {
    let sent = 0
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent++
            controller.enqueue(new Uint8Array(2 ** 20).fill(32))
          },
        }),
        { headers: { 'content-type': 'application/json' } },
      )
    expect(await caught(call(endless))).toMatchObject({ error: 'Unexpected' })
    expect(sent).toBeLessThan(30)
  })

  it('that never arrives is a NetworkError with its cause', async () => {
    const cause = new TypeError('fetch failed')
    const broken = async () => Promise.reject(cause)
    const error = await caught(connect(HOST, { fetch: broken }).com.atproto.sync.getRepo({ did: DID }))
    expect(error).toMatchObject({ error: 'NetworkError', status: 0, cause })
    expect(error.message).toContain(`com.atproto.sync.getRepo at ${HOST}`)
  })
})
