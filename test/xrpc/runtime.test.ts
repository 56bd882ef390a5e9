import { beforeEach, describe, expect, it } from 'vitest'
import { STANDARD_ERRORS } from '../../src/standardErrors.ts'
import { error, XrpcError } from '../../src/xrpc/errors.ts'
import { mount, ORIGIN, problem, reports, type Seen } from './support.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const id = 'com.atproto.sync.getLatestCommit'
const path = `${id}?did=${DID}`
const commit = { cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a', rev: '3jzfcijpj2z2a' }

const throwing = (cause: (call: Seen) => unknown) =>
  mount(id, (call) => {
    throw cause(call)
  })

beforeEach(() => void reports.splice(0))

describe('verbs', () => {
  it('are GET and HEAD for a query', async () => {
    const server = mount(id, () => commit)
    expect(await (await server(path)).json()).toEqual(commit)
    const head = await server(path, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
      200,
      'application/json',
      '',
    ])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      expect(await problem(await server(path, { method }))).toEqual([
        400,
        'InvalidRequest',
        `Incorrect HTTP method (${method}) expected GET`,
      ])
  })

  it('are POST for a procedure', async () => {
    const server = mount('com.atproto.server.activateAccount', () => {})
    expect((await server('com.atproto.server.activateAccount', { method: 'POST' })).status).toBe(200)
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(
        (await problem(await server('com.atproto.server.activateAccount', { method }))).slice(0, 2),
      ).toEqual([400, 'InvalidRequest'])
    const head = await server('com.atproto.server.activateAccount', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([400, ''])
  })

  it('never make HEAD read a stream', async () => {
    let cancelled = false
    const body = new ReadableStream({ cancel: () => void (cancelled = true) })
    const server = mount('com.atproto.sync.getRepo', () => ({
      encoding: 'application/vnd.ipld.car',
      body,
      length: 9,
    }))
    const head = await server(`com.atproto.sync.getRepo?did=${DID}`, { method: 'HEAD' })
    expect([head.headers.get('content-length'), head.body, cancelled]).toEqual(['9', null, true])
  })
})

describe('paths', () => {
  const server = mount(id, () => commit)

  it.for([
    'com.example.unknown',
    'com.example.unknown/',
    'word',
    'com.atproto.sync.getlatestcommit',
    'app.bsky.feed.post',
  ])('that could be a method are 501: %s', async (unknown) => {
    expect((await problem(await server(unknown))).slice(0, 2)).toEqual([501, 'MethodNotImplemented'])
  })

  it.for(['', 'x', '/', 'a..b', '-a.b', 'a.b/c', `${id}/more`, 'a%20b'])(
    'that could not are 400: "%s"',
    async (bad) => {
      expect((await problem(await server(bad))).slice(0, 2)).toEqual([400, 'InvalidRequest'])
    },
  )

  it('may end with a slash', async () => {
    expect((await server(path.replace('?', '/?'))).status).toBe(200)
  })
})

describe('order', () => {
  it('is verb, parameters, credentials, body', async () => {
    const denied = mount('com.atproto.repo.createRecord', () => {}, {
      authorize: async () => {
        throw error('AuthMissing', 'no')
      },
    })
    const name = 'com.atproto.repo.createRecord'
    expect((await problem(await denied(name, { method: 'POST', body: 'x' })))[1]).toBe('AuthMissing')
    expect((await problem(await denied(name, { method: 'GET' })))[1]).toBe('InvalidRequest')
    const read = mount(id, () => commit, {
      authorize: async () => {
        throw error('AuthMissing', 'no')
      },
    })
    expect((await problem(await read(id)))[1]).toBe('InvalidRequest')
    expect((await problem(await read(path)))[1]).toBe('AuthMissing')
  })

  it('passes the handler what the credential grants, the conditions and the origin', async () => {
    let seen: Seen | undefined
    const server = mount(
      id,
      (call) => {
        seen = call
        return commit
      },
      { authorize: async () => 'admin' },
    )
    await server(path, { headers: { range: 'bytes=1-2', 'if-none-match': 'W/"a", "b"' } })
    expect(seen).toMatchObject({
      auth: 'admin',
      origin: ORIGIN,
      conditions: { range: { offset: 1, length: 2 }, ifNoneMatch: ['a', 'b'] },
    })
  })
})

describe('what was granted', () => {
  it('is asked again after the body has come, and the handler runs only then', async () => {
    const steps: string[] = []
    const server = mount('com.atproto.repo.deleteRecord', () => void steps.push('handler'), {
      granted: {
        auth: 'session',
        anonymous: false,
        permit: () => {},
        act: () => {
          steps.push('asked again')
          throw error('ExpiredToken', 'too late')
        },
      },
    })
    const body = new ReadableStream(
      {
        pull: (controller) => {
          steps.push('body')
          controller.enqueue(
            new TextEncoder().encode(JSON.stringify({ repo: DID, collection: 'a.b.c', rkey: 'd' })),
          )
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const headers = { 'content-type': 'application/json' }
    const answer = await server('com.atproto.repo.deleteRecord', {
      method: 'POST',
      body,
      headers,
      duplex: 'half',
    })
    expect((await problem(answer))[1]).toBe('ExpiredToken')
    expect(steps).toEqual(['body', 'asked again'])
  })
})

describe('the other tier', () => {
  it('is passed the request unchanged, before parameters are read', async () => {
    let forwarded: Request | undefined
    const server = mount(id, undefined, {
      forward: async (request) => {
        forwarded = request
        return new Response('from there', { status: 418 })
      },
    })
    const answer = await server(`${id}?limit=abc`)
    expect([answer.status, await answer.text()]).toEqual([418, 'from there'])
    expect(forwarded?.url).toBe(`${ORIGIN}/xrpc/${id}?limit=abc`)
  })

  it('is replaced by a 501 where there is none', async () => {
    expect((await problem(await mount(id, undefined)(path))).slice(0, 2)).toEqual([
      501,
      'MethodNotImplemented',
    ])
  })

  it('is not passed a request with a wrong verb', async () => {
    const server = mount(id, undefined, { forward: async () => new Response('no') })
    expect((await server(path, { method: 'POST' })).status).toBe(400)
  })
})

describe('errors', () => {
  it('that are standard have the status of their name', async () => {
    for (const [name, status] of Object.entries(STANDARD_ERRORS)) {
      const answer = await throwing((call) => call.error(name, 'why'))(path)
      expect(await problem(answer)).toEqual([status, name, 'why'])
    }
  })

  it('that the lexicon declares are 400', async () => {
    expect(await problem(await throwing((call) => call.error('RepoNotFound', 'why'))(path))).toEqual([
      400,
      'RepoNotFound',
      'why',
    ])
  })

  it('may have headers, and never run as a page', async () => {
    const answer = await throwing((call) => call.error('RateLimitExceeded', 'slow', { 'retry-after': '7' }))(
      path,
    )
    expect(answer.headers.get('retry-after')).toBe('7')
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
  })

  it.for([
    ['a bug', new TypeError('secret detail')],
    ['a name that the lexicon does not declare', new XrpcError('RepoOnFire', 'secret detail')],
    ['a thrown string', 'secret detail'],
    ['nothing at all', undefined],
  ] as const)('that are %s are a 500 with a reference, and the detail only in the log', async ([, cause]) => {
    const answer = await throwing(() => cause)(path)
    expect(await problem(answer)).toEqual([500, 'InternalServerError', 'Internal error; reference id-1'])
    expect(reports).toEqual([['id-1', cause]])
  })

  it('of a read that may find the account deactivated need no declaration', async () => {
    const records = 'com.atproto.repo.describeRepo'
    const server = mount(records, (call) => {
      throw call.error('RepoDeactivated', 'gone')
    })
    expect((await problem(await server(`${records}?repo=${DID}`))).slice(0, 2)).toEqual([
      400,
      'RepoDeactivated',
    ])
  })
})

describe('outputs', () => {
  it('that break their lexicon are a bug, where outputs are checked', async () => {
    expect((await mount(id, () => ({ cid: 'x' }))(path)).status).toBe(500)
    expect(String(reports.at(-1)?.[1])).toContain('cid must be a cid string')
    expect((await mount(id, () => ({ cid: 'x' }), { checkOutput: undefined })(path)).status).toBe(200)
  })

  it('are empty where none is declared', async () => {
    const server = mount('com.atproto.server.activateAccount', () => ({ ignored: true }))
    const answer = await server('com.atproto.server.activateAccount', { method: 'POST' })
    expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([200, '', null])
  })

  it('that are blobs carry their type, length and tag, and cannot run', async () => {
    const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
    const blob = `com.atproto.sync.getBlob?did=${DID}&cid=${cid}`
    const whole = await mount('com.atproto.sync.getBlob', () => ({
      encoding: 'text/html',
      body: new Blob(['abc']).stream(),
      length: 3,
      etag: cid,
    }))(blob)
    expect(Object.fromEntries(whole.headers)).toEqual({
      'content-type': 'text/html',
      'content-length': '3',
      'accept-ranges': 'bytes',
      etag: `"${cid}"`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    })
    const part = await mount('com.atproto.sync.getBlob', () => ({
      encoding: 'text/html',
      body: new Blob(['b']).stream(),
      range: { offset: 1, length: 1, size: 3 },
    }))(blob)
    expect([part.status, part.headers.get('content-range'), part.headers.get('content-length')]).toEqual([
      206,
      'bytes 1-1/3',
      '1',
    ])
    const same = await mount('com.atproto.sync.getBlob', () => ({ notModified: true, etag: cid }))(blob)
    expect([same.status, same.headers.get('etag'), same.body]).toEqual([304, `"${cid}"`, null])
  })
})
