import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { error } from '../../src/xrpc/errors.ts'
import { mount, problem, reports, stream, type Seen } from './support.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const input = { repo: 'alice.example.com', collection: 'app.bsky.feed.post', record: { text: 'hello' } }

let seen: unknown
const keep = ({ input: given }: Seen): unknown => {
  seen = given
  return { uri: 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/1', cid: CID }
}
const CID = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

const create = mount('com.atproto.repo.createRecord', keep)
const post = (body: BodyInit | undefined, headers: Record<string, string> = JSON_TYPE): Promise<Response> =>
  create('com.atproto.repo.createRecord', { method: 'POST', body, headers, duplex: 'half' })

const big = mount('com.atproto.repo.createRecord', keep, { limits: { json: 10_000_000, methods: {} } })

const nested = (depth: number): string =>
  JSON.stringify({ ...input, record: '?' }).replace('"?"', '{"a":'.repeat(depth) + '1' + '}'.repeat(depth))

describe('a JSON body', () => {
  it('is decoded and validated', async () => {
    expect((await post(JSON.stringify(input))).status).toBe(200)
    expect(seen).toEqual(input)
  })

  it('may name its charset, and its type in capitals', async () => {
    expect(
      (await post(JSON.stringify(input), { 'content-type': 'Application/JSON; charset=UTF-8' })).status,
    ).toBe(200)
  })

  it('may arrive in chunks that split a character, without a length', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...input, record: { text: '🌥' } }))
    const pieces = [...bytes].map((byte) => new Uint8Array([byte]))
    expect((await post(stream(...pieces))).status).toBe(200)
    expect(seen).toEqual({ ...input, record: { text: '🌥' } })
  })

  it.for([
    [
      'another type',
      JSON.stringify(input),
      { 'content-type': 'text/plain' },
      'expected application/json, got text/plain',
    ],
    [
      'a type that is none',
      JSON.stringify(input),
      { 'content-type': 'json' },
      'expected application/json, got json',
    ],
    ['broken JSON', '{"a":', JSON_TYPE, 'not valid JSON'],
    ['a list', '[]', JSON_TYPE, 'must be an object, got a list'],
    ['null', 'null', JSON_TYPE, 'must be an object'],
    ['text', '"text"', JSON_TYPE, 'must be an object'],
    ['nothing', '', JSON_TYPE, 'must have the property "repo"'],
    [
      'a missing field',
      JSON.stringify({ ...input, repo: undefined }),
      JSON_TYPE,
      'must have the property "repo"',
    ],
    [
      'a field of the wrong type',
      JSON.stringify({ ...input, validate: 'maybe' }),
      JSON_TYPE,
      'validate must be a boolean',
    ],
    [
      'a field of the wrong format',
      JSON.stringify({ ...input, collection: 'x' }),
      JSON_TYPE,
      'collection must be a valid nsid',
    ],
    [
      'not as it says',
      'x',
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
      'not what Content-Encoding says: gzip',
    ],
    [
      'compressed in a way that we do not know',
      'x',
      { ...JSON_TYPE, 'content-encoding': 'zstd' },
      'expected gzip, deflate or br, or none, got zstd',
    ],
    ['compressed twice', 'x', { ...JSON_TYPE, 'content-encoding': 'gzip, br' }, 'got gzip, br'],
    ['a length that is none', '{}', { ...JSON_TYPE, 'content-length': 'x' }, 'expected a number of bytes'],
  ] as const)('is refused if it is %s', async ([, body, headers, message]) => {
    const [status, error, text] = await problem(await post(body, headers))
    expect([status, error]).toEqual([400, 'InvalidRequest'])
    expect(text).toContain(message)
  })

  it('must be there', async () => {
    const [status, error, text] = await problem(await post(undefined))
    expect([status, error]).toEqual([400, 'InvalidRequest'])
    expect(text).toContain('none was provided')
  })

  it('must have a type', async () => {
    const [status, , text] = await problem(await post(new Uint8Array([0x7b, 0x7d]), {}))
    expect(status).toBe(400)
    expect(text).toContain('expected application/json, got none')
  })

  it.for([
    ['a lone continuation byte', [new Uint8Array([0x22, 0xff, 0x22])]],
    ['a character cut off at the end', [new Uint8Array([0x22, 0xf0, 0x9f])]],
  ] as const)('must be UTF-8: %s', async ([, chunks]) => {
    const [status, error, text] = await problem(await post(stream(...chunks)))
    expect([status, error, text]).toEqual([400, 'InvalidRequest', 'The request body is not valid UTF-8'])
  })

  it('is refused by its declared length before a byte is read', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1
          controller.enqueue(new Uint8Array(10))
        },
      },
      { highWaterMark: 0 },
    )
    const answer = await post(body, { ...JSON_TYPE, 'content-length': '100000' })
    expect(await problem(answer)).toEqual([
      413,
      'PayloadTooLarge',
      'The request body may have at most 1000 bytes',
    ])
    expect(pulled).toBe(0)
  })

  it('is refused as soon as it exceeds its limit, whatever length it declares', async () => {
    let cancelled = false
    const body = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(400).fill(32)),
        cancel: () => void (cancelled = true),
      })
    for (const headers of [JSON_TYPE, { ...JSON_TYPE, 'content-length': '5' }]) {
      cancelled = false
      expect((await problem(await post(body(), headers))).slice(0, 2)).toEqual([413, 'PayloadTooLarge'])
      expect(cancelled).toBe(true)
    }
  })

  it('may be as deep as 128 levels', async () => {
    expect((await post(nested(126))).status).toBe(200)
    const [status, error, text] = await problem(await post(nested(128)))
    expect([status, error]).toEqual([400, 'InvalidRequest'])
    expect(text).toContain('deeper than 128')
  })

  it('may have 20,000 values, whatever is in its strings', async () => {
    const send = (values: number): Promise<Response> => {
      const record = { text: '{[,\\"'.repeat(5000), list: Array.from({ length: values }, () => 0) }
      return big('com.atproto.repo.createRecord', {
        ...{ method: 'POST', headers: JSON_TYPE },
        body: JSON.stringify({ ...input, record }),
      })
    }
    // Six more: the body, its two other fields, the record, its text and the list itself.
    expect((await send(19_994)).status).toBe(200)
    const [status, error, text] = await problem(await send(19_995))
    expect([status, error]).toEqual([413, 'PayloadTooLarge'])
    expect(text).toContain('at most 20000 values')
  })

  it('is refused before it is built', async () => {
    const send = async (record: string) => {
      const body = JSON.stringify({ ...input, record: '?' }).replace('"?"', record)
      const parse = vi.spyOn(JSON, 'parse')
      const answer = await problem(
        await big('com.atproto.repo.createRecord', { method: 'POST', headers: JSON_TYPE, body }),
      )
      expect(parse.mock.calls.filter(([text]) => text === body)).toEqual([])
      parse.mockRestore()
      return answer.slice(0, 2)
    }
    // A million lists in four megabytes.
    expect(await send(`[${'[],'.repeat(1_000_000)}[]]`)).toEqual([413, 'PayloadTooLarge'])
    const deep = `${'[{"a":'.repeat(2000)}0${'}]'.repeat(2000)}`
    expect(await send(`[${`${deep},`.repeat(200)}0]`)).toEqual([400, 'InvalidRequest'])
  })

  it('never overflows the stack', async () => {
    const answer = await big('com.atproto.repo.createRecord', {
      method: 'POST',
      headers: JSON_TYPE,
      body: nested(500_000),
    })
    expect((await problem(answer)).slice(0, 2)).toEqual([400, 'InvalidRequest'])
  })
})

describe('a compressed body', () => {
  const codings = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, br: brotliCompressSync }
  const all = Object.entries(codings)
  const text = JSON.stringify({ ...input, record: { text: 'hello '.repeat(100) } })

  it.each(all)('is decoded: %s, in pieces and whole', async (coding, compress) => {
    const bytes = compress(text)
    const headers = { ...JSON_TYPE, 'content-encoding': coding.toUpperCase() }
    for (const body of [bytes, stream(...[...bytes].map((byte) => new Uint8Array([byte])))]) {
      seen = undefined
      expect((await post(body, headers)).status).toBe(200)
      expect(seen).toEqual(JSON.parse(text))
    }
  })

  it.each(all)('is refused by its decoded bytes, which are not all made: %s', async (coding, compress) => {
    const headers = { ...JSON_TYPE, 'content-encoding': coding }
    const fits = JSON.stringify({ ...input, record: {} }).padEnd(1000)
    expect((await post(compress(fits), headers)).status).toBe(200)
    const tooLarge = [413, 'PayloadTooLarge', 'The request body may have at most 1000 bytes']
    expect(await problem(await post(compress(`${fits} `), headers))).toEqual(tooLarge)
    // 30 MB, which take 30 KB or less; brotli has them in a hundred bytes, and we take a thousand.
    const bomb = compress(Buffer.alloc(30_000_000))
    const before = process.memoryUsage().arrayBuffers
    expect(await problem(await post(stream(bomb), headers))).toEqual(tooLarge)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(15_000_000)
  })

  it.each(all)('is refused where it ends too early, or is something else: %s', async (coding, compress) => {
    const headers = { ...JSON_TYPE, 'content-encoding': coding }
    const bytes = compress(text)
    for (const broken of [bytes.subarray(0, -5), bytes.subarray(0, 3), Buffer.from(text)]) {
      const [status, error, message] = await problem(await post(broken, headers))
      expect([status, error]).toEqual([400, 'InvalidRequest'])
      expect(message).toBe(`The request body is not what Content-Encoding says: ${coding}`)
    }
  })

  it('that is not JSON stays a stream, of the decoded bytes, without a length', async () => {
    const take = mount('com.atproto.repo.importRepo', async ({ input: given }) => {
      const { body }: { body: ReadableStream<Uint8Array> } = Object(given)
      seen = { ...Object(given), body: await new Response(body).text() }
    })
    const send = (body: Uint8Array) =>
      take('com.atproto.repo.importRepo', {
        ...{ method: 'POST', body, duplex: 'half' },
        headers: { 'content-type': 'application/vnd.ipld.car', 'content-encoding': 'gzip' },
      })
    expect((await send(gzipSync('x'.repeat(2000)))).status).toBe(200)
    expect(seen).toEqual({ encoding: 'application/vnd.ipld.car', body: 'x'.repeat(2000) })
    expect((await problem(await send(gzipSync('x'.repeat(2001))))).slice(0, 2)).toEqual([
      413,
      'PayloadTooLarge',
    ])
    expect(await problem(await send(gzipSync('x'.repeat(2000)).subarray(0, -4)))).toEqual([
      400,
      'InvalidRequest',
      'The request body is not what Content-Encoding says: gzip',
    ])
    expect(reports).toEqual([])
  })

  it('that breaks off is the end of its sender, not of the coding; a cancelled one is not read on', async () => {
    let cancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Uint8Array.from(gzipSync(Buffer.alloc(10_000)))),
      cancel: () => void (cancelled = true),
    })
    expect((await post(body, { ...JSON_TYPE, 'content-encoding': 'gzip' })).status).toBe(413)
    expect(cancelled).toBe(true)
  })
})

describe('a body that is refused unread', () => {
  const denied = mount('com.atproto.repo.createRecord', keep, {
    authorize: async () => {
      throw error('AuthMissing', 'no')
    },
  })
  const send = async (size: number): Promise<{ read: number; cancelled: boolean }> => {
    const seen = { read: 0, cancelled: false }
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (seen.read >= size) return controller.close()
        seen.read += 10_000
        controller.enqueue(new Uint8Array(10_000))
      },
      cancel: () => void (seen.cancelled = true),
    })
    const answer = await denied('com.atproto.repo.createRecord', {
      method: 'POST',
      headers: JSON_TYPE,
      body,
      duplex: 'half',
    })
    expect(answer.status).toBe(401)
    return seen
  }

  it('is read if it is small, so that its sender gets the answer', async () => {
    expect(await send(30_000)).toEqual({ read: 30_000, cancelled: false })
  })

  it('is also read or cancelled where the handler refuses before it reads', async () => {
    const refusing = mount('com.atproto.repo.importRepo', () => {
      throw error('UpstreamFailure', 'the directory is down')
    })
    for (const size of [10, 1900]) {
      const answer = await refusing('com.atproto.repo.importRepo', {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.ipld.car' },
        body: new Uint8Array(size),
      })
      expect(await problem(answer)).toEqual([502, 'UpstreamFailure', 'the directory is down'])
    }
  })

  it('is cancelled if it is large', async () => {
    const { read, cancelled } = await send(10_000_000)
    expect(cancelled).toBe(true)
    expect(read).toBeLessThan(100_000)
  })
})

describe('a binary body', () => {
  const take = mount('com.atproto.repo.importRepo', async ({ input: given }) => {
    const { body }: { body: ReadableStream<Uint8Array> } = Object(given)
    seen = { ...Object(given), body: await new Response(body).text() }
  })
  const send = (body: BodyInit | undefined, headers: Record<string, string>): Promise<Response> =>
    take('com.atproto.repo.importRepo', { method: 'POST', body, headers, duplex: 'half' })
  const CAR = { 'content-type': 'application/vnd.ipld.car' }

  it('stays a stream, with its declared length', async () => {
    expect((await send(stream('abc'), { ...CAR, 'content-length': '3' })).status).toBe(200)
    expect(seen).toEqual({ encoding: 'application/vnd.ipld.car', body: 'abc', length: 3 })
    expect((await send(stream('a', 'bc'), CAR)).status).toBe(200)
    expect(seen).toEqual({ encoding: 'application/vnd.ipld.car', body: 'abc' })
  })

  it('has a limit of its own, for the declared length and for the bytes that arrive', async () => {
    const long = 'x'.repeat(2001)
    expect((await send('x'.repeat(2000), CAR)).status).toBe(200)
    const tooLong = [413, 'PayloadTooLarge', 'The request body may have at most 2000 bytes']
    expect(await problem(await send(stream('x'), { ...CAR, 'content-length': '2001' }))).toEqual(tooLong)
    expect(await problem(await send(stream(long), CAR))).toEqual(tooLong)
    expect(await problem(await send(stream(long), { ...CAR, 'content-length': '1' }))).toEqual(tooLong)
  })

  it("that breaks off is the sender's error, and not reported as ours", async () => {
    reports.splice(0)
    const pieces = ['abc', 'defgh']
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const piece = pieces.shift()
        if (piece === undefined) controller.error(new Error('connection lost'))
        else controller.enqueue(new TextEncoder().encode(piece))
      },
    })
    expect(await problem(await send(body, CAR))).toEqual([
      400,
      'InvalidRequest',
      'The request body broke off after 8 bytes',
    ])
    expect(reports).toEqual([])
  })

  it('of any type keeps that type, without parameters', async () => {
    const upload = mount('com.atproto.repo.uploadBlob', ({ input: given }) => {
      seen = Object(given).encoding
      throw Object(given).error
    })
    const type = async (value: string): Promise<number> =>
      (
        await upload('com.atproto.repo.uploadBlob', {
          method: 'POST',
          body: stream('x'),
          headers: { 'content-type': value },
          duplex: 'half',
        })
      ).status
    await type('Text/HTML; charset=utf-8')
    expect(seen).toBe('text/html')
    for (const none of ['!', 'text', 'text/', '/x', 'a/b/c', 'te xt/x'])
      expect(await type(none), none).toBe(400)
  })
})

describe('a method without input', () => {
  const activate = mount('com.atproto.server.activateAccount', ({ input: given }) => void (seen = given))
  const send = (init: RequestInit & { duplex?: 'half' }): Promise<Response> =>
    activate('com.atproto.server.activateAccount', { method: 'POST', ...init })

  it.for([
    ['nothing', {}],
    ['an empty body', { body: '' }],
    ['an empty object', { body: '{}', headers: JSON_TYPE }],
    ['an empty object in pieces', { body: stream('{', '}'), headers: JSON_TYPE, duplex: 'half' as const }],
  ] as const)('takes %s', async ([, init]) => {
    seen = 'unset'
    expect((await send(init)).status).toBe(200)
    expect(seen).toBeUndefined()
  })

  it.for([
    ['an object', { body: '{"a":1}', headers: JSON_TYPE }],
    ['two other bytes', { body: 'ab' }],
    ['a long body', { body: stream('x'.repeat(100_000)), duplex: 'half' as const }],
    ['bytes that are no text', { body: new Uint8Array([0xff, 0xfe]) }],
  ] as const)('refuses %s', async ([, init]) => {
    const [status, error, text] = await problem(await send(init))
    expect([status, error]).toEqual([400, 'InvalidRequest'])
    expect(text).toContain('when none was expected')
  })
})
