import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { digestOf, readAccount, type ReadOptions, verifyBlob } from '../../src/client/import.ts'
import { connect } from '../../src/client/index.ts'
import { bytesOf, DID, failure, json, type Route, server, streamOf } from './support.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const base32 = (bytes: Uint8Array): string =>
  (
    Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0'))
      .join('')
      .match(/.{1,5}/g) ?? []
  )
    .map((bits) => ALPHABET[Number.parseInt(bits.padEnd(5, '0'), 2)])
    .join('')
const cidOf = (text: string): string =>
  `b${base32(new Uint8Array([1, 0x55, 0x12, 0x20, ...createHash('sha256').update(text).digest()]))}`

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }).setTimerTickMode('nextTimerAsync'),
)
afterEach(() => void vi.useRealTimers())

const CIDS = ['one', 'two', 'three'].map(cidOf)
const texts = new Map(['one', 'two', 'three'].map((text) => [cidOf(text), text]))
const cidIn = (request: Request): string => new URL(request.url).searchParams.get('cid') ?? ''

const blob = (
  body: BodyInit | ReadableStream<Uint8Array>,
  headers: Record<string, string>,
  status = 200,
): Response => new Response(body, { status, headers: { 'content-type': 'text/plain', ...headers } })

function source(routes: Record<string, Route>, options: Partial<ReadOptions> = {}) {
  const { fetch, requests } = server({
    'com.atproto.sync.listBlobs': (request) => {
      const from = Number(new URL(request.url).searchParams.get('cursor') ?? 0)
      return json({ cids: CIDS.slice(from, from + 2), ...(from === 0 && { cursor: '2' }) })
    },
    'com.atproto.sync.getBlob': (request) => blob(texts.get(cidIn(request)) ?? '', { 'content-length': '5' }),
    ...routes,
  })
  const account = readAccount(connect('alice.example', { fetch, token: 'abc' }), { did: DID, ...options })
  const copy = async (): Promise<string[]> => {
    const copied: string[] = []
    for await (const { cid, mimeType, body } of account.blobs()) {
      const bytes = await bytesOf(body)
      expect(await verifyBlob(cid, bytes)).toBe(true)
      copied.push(`${mimeType}: ${new TextDecoder().decode(bytes)}`)
    }
    return copied
  }
  return { account, requests, copy, ranges: () => requests.map(({ headers }) => headers.get('range')) }
}

/** Gives one answer after another. */
const turns = (...answers: Route[]): Route => {
  const rest = [...answers]
  return (request) =>
    (rest.length > 1 ? rest.shift() : rest[0])?.(request) ?? failure('InternalServerError', 500)
}
const one = { have: (cid: string) => cid !== CIDS[2] }
const three = 'text/plain: three'

describe('the repository', () => {
  const ROOT = `bafyrei${'a'.repeat(52)}`
  const car = (body: BodyInit, etag: string): Response =>
    new Response(body, { headers: { 'content-type': 'application/vnd.ipld.car', etag } })
  const read = async (routes: Record<string, Route>) => {
    const { account, requests } = source(routes, { retries: 1 })
    const { body } = await account.repo('3kabcdefghijk')
    const text = bytesOf(body).then(
      (bytes) => new TextDecoder().decode(bytes),
      (cause: Error) => cause.message,
    )
    return { text: await text, asked: requests.map(({ url }) => new URL(url)) }
  }

  it('of a Cirrus continues with the same commit when the connection breaks', async () => {
    const { text, asked } = await read({
      'com.atproto.sync.getRepo': () => car(streamOf('one ', new Error('cut')), `"${ROOT}"`),
      'com.cirrus.admin.resumeRepo': turns(
        () => car(streamOf('two ', new Error('cut again')), '"other"'),
        () => car('three', '"other"'),
      ),
    })
    expect(text).toBe('one two three')
    expect(asked.slice(1).map(({ searchParams }) => Object.fromEntries(searchParams))).toEqual(
      ['4', '8'].map((offset) => ({ did: DID, root: ROOT, offset, since: '3kabcdefghijk' })),
    )
  })

  it('of another PDS fails with the error that broke the connection', async () => {
    const broken = { 'com.atproto.sync.getRepo': () => car(streamOf('one ', new Error('cut')), 'W/"4-abc"') }
    expect((await read(broken)).text).toBe('cut')
    const { text, asked } = await read({
      'com.atproto.sync.getRepo': () => car(streamOf('one ', new Error('cut')), `"${ROOT}"`),
      'com.cirrus.admin.resumeRepo': () => failure('MethodNotImplemented', 501),
    })
    expect([text, asked.length]).toEqual(['cut', 2])
  })
})

describe('the blobs of an account', () => {
  it('are all read, page by page', async () => {
    const { copy } = source({
      'com.atproto.sync.getBlob': (request) => blob(texts.get(cidIn(request)) ?? '', {}),
    })
    expect(await copy()).toEqual(['text/plain: one', 'text/plain: two', three])
  })

  it('are left out if the caller has them', async () => {
    const { copy, requests } = source({}, one)
    expect(await copy()).toEqual([three])
    expect(requests.filter(({ url }) => url.includes('getBlob'))).toHaveLength(1)
  })

  it('are requested again after 429, 5xx and a lost connection', async () => {
    const { copy, requests } = source(
      {
        'com.atproto.sync.getBlob': turns(
          () => json({ error: 'RateLimitExceeded' }, 429, { 'retry-after': '2' }),
          () => new Response('<h1>', { status: 503 }),
          () => Promise.reject(new TypeError('reset')),
          () => blob('three', { 'content-length': '5' }),
        ),
      },
      one,
    )
    expect(await copy()).toEqual([three])
    expect(requests.filter(({ url }) => url.includes('getBlob'))).toHaveLength(4)
  })

  it('are not requested again when the answer would be the same', async () => {
    const { copy, requests } = source({ 'com.atproto.sync.getBlob': () => failure('RepoTakendown') })
    await expect(copy()).rejects.toMatchObject({ error: 'RepoTakendown' })
    expect(requests).toHaveLength(2)
  })

  it('that are lost end the reading, unless there is a callback for them', async () => {
    const lost: Route = (request) =>
      cidIn(request) === CIDS[0] ? failure('BlobNotFound') : blob(texts.get(cidIn(request)) ?? '', {})
    await expect(source({ 'com.atproto.sync.getBlob': lost }).copy()).rejects.toMatchObject({
      error: 'BlobNotFound',
    })
    const missing = vi.fn<(cid: string) => void>()
    expect(await source({ 'com.atproto.sync.getBlob': lost }, { missing }).copy()).toHaveLength(2)
    expect(missing.mock.calls).toEqual([[CIDS[0]]])
  })

  it('continue where they were when the connection breaks', async () => {
    const { copy, ranges } = source(
      {
        'com.atproto.sync.getBlob': turns(
          () => blob(streamOf('t', 'hr', new Error('reset')), { 'content-length': '5' }),
          () => blob('ee', { 'content-range': 'bytes 3-4/5' }, 206),
        ),
      },
      one,
    )
    expect(await copy()).toEqual([three])
    expect(ranges()).toEqual([null, null, null, 'bytes=3-'])
  })

  it('continue also when the body ends too early, and on a server without ranges', async () => {
    const { copy } = source(
      {
        'com.atproto.sync.getBlob': turns(
          () => blob(streamOf('thr'), { 'content-length': '5' }),
          () => blob(streamOf('th', 'ree'), { 'content-length': '5' }),
        ),
      },
      one,
    )
    expect(await copy()).toEqual([three])
  })

  it('are not put together from a range that was not requested', async () => {
    const { copy } = source(
      {
        'com.atproto.sync.getBlob': turns(
          () => blob(streamOf('thr'), { 'content-length': '5' }),
          () => blob('e', { 'content-range': 'bytes 4-4/5' }, 206),
        ),
      },
      { ...one, retries: 2 },
    )
    await expect(copy()).rejects.toThrow('another range')
  })

  it('that break off every time end with the error', async () => {
    const { copy, requests } = source(
      { 'com.atproto.sync.getBlob': () => blob(streamOf(new Error('reset')), { 'content-length': '5' }) },
      { ...one, retries: 2 },
    )
    await expect(copy()).rejects.toThrow('reset')
    expect(requests.filter(({ url }) => url.includes('getBlob'))).toHaveLength(3)
  })

  it('are not waited for after an abort', async () => {
    const abort = new AbortController()
    const { copy } = source(
      {
        'com.atproto.sync.getBlob': () => (abort.abort(new Error('enough')), failure('UpstreamFailure', 502)),
      },
      { signal: abort.signal },
    )
    await expect(copy()).rejects.toThrow('enough')
  })
})

describe('the rest of an account', () => {
  it('is its repository and its preferences', async () => {
    const car = { headers: { 'content-type': 'application/vnd.ipld.car' } }
    const { account, requests } = source({
      'com.atproto.sync.getRepo': () => new Response('car', car),
      'app.bsky.actor.getPreferences': () => json({ preferences: [] }),
    })
    expect(await bytesOf((await account.repo('3abc')).body)).toHaveLength(3)
    expect(await account.preferences()).toEqual({ preferences: [] })
    expect(requests[0]?.url).toContain('since=3abc')
  })
})

describe('the CID of a blob', () => {
  it('has its sha-256', () => {
    const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
    expect(Buffer.from(digestOf(cid)).toString('hex')).toBe(createHash('sha256').update('').digest('hex'))
  })

  it('does not match other bytes', async () => {
    expect(await verifyBlob(cidOf('one'), new TextEncoder().encode('one'))).toBe(true)
    expect(await verifyBlob(cidOf('one'), new TextEncoder().encode('two'))).toBe(false)
  })

  it.each([
    '',
    'b',
    'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
    'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykv',
    'BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU',
    'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG',
    'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk0',
  ])('is nothing else: %s', (cid) => expect(() => digestOf(cid)).toThrow(/not the CID of a blob/))
})
