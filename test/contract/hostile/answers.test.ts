/** Servers whose answers are not what HTTP, or JSON, allows: the tool says what it saw, and ends. */
import { describe, expect, it } from 'vitest'
import { MAX_ANSWER_BYTES } from '../../../src/contract/readBody.ts'
import { createClock, examine } from './examine.ts'
import { sayJson, sendForEver, startHostile, type Call, type Conduct } from './hostileServer.ts'

const DESCRIBE = 'com.atproto.server.describeServer'
const METHOD = 'com.atproto.sync.getLatestCommit'
const FEW = ['--only', METHOD]

/** One method is hostile; all else is as it should be. */
const inOne =
  (conduct: (call: Call) => void): Conduct =>
  (call) =>
    call.id === METHOD ? conduct(call) : 'honest'

/** Everything is, after the tool has found a PDS. */
const afterFirst =
  (conduct: (call: Call) => void): Conduct =>
  (call) =>
    call.before === 0 ? 'honest' : conduct(call)

const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'

/** What a server does to one request, and what a person reads of it. */
const ANSWERS: readonly (readonly [string, (call: Call) => void, RegExp])[] = [
  [
    'a body without an end',
    ({ answer }) => {
      answer.writeHead(200, { 'content-type': 'application/json' })
      sendForEver(answer, Buffer.alloc(1 << 16, ' '))
    },
    /the answer is longer than 16 MiB, and was not read to its end/,
  ],
  [
    'headers without an end',
    ({ socket }) => {
      socket.write(JSON_HEAD)
      sendForEver(socket, Buffer.from(`x-more: ${'x'.repeat(1000)}\r\n`))
    },
    /no answer: .*Header/i,
  ],
  [
    'garbage in place of JSON',
    (call) => sayJson(call, '<<<>>> nothing of the kind'),
    /a body that is not JSON/,
  ],
  [
    'bytes that are no text',
    (call) => sayJson(call, new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])),
    /a body that is not UTF-8, as JSON is/,
  ],
  [
    'JSON in another charset',
    (call) =>
      sayJson(call, Buffer.from('{"cid":"ž"}', 'utf16le'), {
        headers: { 'content-type': 'application/json; charset=utf-16' },
      }),
    /a body that is not JSON.*charset=utf-16/,
  ],
  ['nothing in place of JSON', (call) => sayJson(call, ''), /an empty body, which is not JSON/],
  [
    'a content-length that is too short',
    ({ socket }) => socket.end(`${JSON_HEAD}content-length: 5\r\n\r\n${'{"cid":"a long text"}'.repeat(9)}`),
    /a body that is not JSON|no answer/,
  ],
  [
    'a content-length that is too long',
    ({ socket }) => socket.end(`${JSON_HEAD}content-length: 1000\r\n\r\n{}`),
    /no answer: terminated \(.*closed/,
  ],
  [
    'a connection that is reset',
    ({ socket }) => void socket.resetAndDestroy(),
    /no answer: fetch failed \(ECONNRESET/,
  ],
  [
    'bytes that are not HTTP',
    ({ socket }) => void socket.end('\x00\x01 SSH-2.0-nothing\r\n\r\n'),
    /no answer: fetch failed \(Response does not match the HTTP\/1.1 protocol/,
  ],
  [
    'JSON in a hundred thousand lists',
    (call) => sayJson(call, `${'['.repeat(1e5)}${']'.repeat(1e5)}`),
    /JSON that is nested more than 200 levels deep, which is not read/,
  ],
  [
    'JSON in a hundred thousand objects, as an error',
    (call) =>
      sayJson(call, `{"error":"No","message":${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}}`, { status: 400 }),
    /JSON that is nested more than 200 levels deep/,
  ],
  [
    'numbers beyond every size',
    (call) => sayJson(call, `{"cid":1e999,"rev":${'9'.repeat(5000)},"seq":-1e-999}`),
    /the output breaks the lexicon/,
  ],
  [
    'an error whose name is a megabyte, and whose message cannot be made a text',
    (call) =>
      sayJson(call, JSON.stringify({ error: 'E'.repeat(1e6), message: { toString: 1, valueOf: 1 } }), {
        status: 400,
      }),
    /an error whose message is not a text/,
  ],
  [
    'a redirect to itself',
    (call) => sayJson(call, '', { status: 302, headers: { location: `/xrpc/${METHOD}` } }),
    /302 to \/xrpc\/com\.atproto\.sync\.getLatestCommit/,
  ],
]

describe('a method that answers with', () => {
  it.each(ANSWERS)('%s is said to be broken, in words', async (_, conduct, words) => {
    await using server = await startHostile(inOne(conduct))
    const { code, stdout, html } = await examine([server.url, ...FEW])
    expect(stdout).toMatch(words)
    const end = /(Not tried to its end|of level must, of|Nothing is broken of level must)/.exec(html)?.[1]
    expect(code).toBe({ 'Not tried to its end': 1, 'of level must, of': 3 }[end ?? ''] ?? 0)
    // A text of a server, or a bug of ours, would be longer.
    expect(stdout.length).toBeLessThan(60_000)
    expect(stdout).not.toMatch(/call stack|\bundefined\b|\[object|Cannot (read|convert)/)
    expect(server.asked.length).toBeLessThan(300)
  })
})

describe('a server that answers everything with', () => {
  it.each(ANSWERS)('%s ends the run', async (_, conduct) => {
    await using server = await startHostile(afterFirst(conduct))
    const { code, stdout, stderr } = await examine([server.url, '--only', 'com.atproto.sync'])
    expect([1, 3]).toContain(code)
    if (code === 1) expect(stdout).toMatch(/the server (answers nothing any more|sends too much)/)
    expect(stderr).not.toContain('Error:')
    expect(stdout).not.toMatch(/call stack|\[object|Cannot (read|convert)/)
    expect(server.asked.length).toBeLessThan(3000)
  })
})

it.each(ANSWERS.slice(0, 2))('%s from the first answer on is no server to try', async (_, conduct) => {
  await using server = await startHostile(conduct)
  const { code, stderr } = await examine([server.url])
  expect(code).toBe(1)
  expect(stderr).toMatch(/Error: http:\/\/localhost:\d+: no answer/)
  expect(server.asked).toEqual([DESCRIBE])
})

it('reads of an answer without an end no more than its limit', async () => {
  await using server = await startHostile((call) => {
    if (call.id !== DESCRIBE) return 'honest'
    ANSWERS[0]?.[1](call)
  })
  await examine([server.url])
  expect(server.asked).toEqual([DESCRIBE])
  // And what is in the buffers of the two ends.
  expect(server.sentBytes()).toBeLessThan(MAX_ANSWER_BYTES + 32 * 1024 * 1024)
})

it.each([
  ['headers that drip', ({ socket }: Call) => void socket.write('HTTP/1.1 200 OK\r\nx-drip: 1\r\n')],
  [
    'a body that drips',
    ({ answer }: Call) => {
      answer.writeHead(200, { 'content-type': 'application/json' })
      answer.write('{')
    },
  ],
])('%s: the run ends after ten minutes of waiting', async (_, drip) => {
  const clock = createClock()
  await using server = await startHostile(
    afterFirst((call) => {
      drip(call)
      clock.letWait()
    }),
  )
  const startedAt = clock.now()
  const { code, stdout } = await examine([server.url], { clock })
  expect(code).toBe(1)
  expect(stdout).toMatch(/the server let requests wait for 1\d minutes without an answer/)
  expect(clock.now() - startedAt).toBeLessThan(20 * 60_000)
  expect(server.asked.length).toBeLessThan(10)
})

it.each([
  ['one method', inOne],
  ['everything', afterFirst],
])('answers 429 to %s, with a wait of years: it does not wait', async (_, where) => {
  await using server = await startHostile(
    where((call) =>
      sayJson(call, '{"error":"RateLimitExceeded","message":"later"}', {
        status: 429,
        headers: { 'retry-after': '999999999999', 'ratelimit-reset': '99999999999999' },
      }),
    ),
  )
  const { code, stdout, sleptMs } = await examine([server.url, ...FEW])
  expect(stdout).toMatch(
    /the server limits the rate of requests \(429\)|answers 429, too many requests, to everything/,
  )
  expect(sleptMs).toBe(0)
  expect(code).toBe(stdout.includes('to everything') ? 1 : 0)
})

it('answers 429 from the first request on: the run does not begin', async () => {
  await using server = await startHostile((call) => sayJson(call, '{}', { status: 429 }))
  const { code, stderr } = await examine([server.url])
  expect([code, server.asked.length]).toEqual([1, 1])
  expect(stderr).toContain('answers 429, too many requests, to the first one: try again later')
})

it.each([
  ['200', 200, 3],
  ['500', 500, 3],
])('answers %s to everything: each rule says what is wrong', async (_, status, exit) => {
  await using server = await startHostile((call) =>
    sayJson(call, status === 200 ? '{}' : '{"error":"InternalServerError","message":"no"}', { status }),
  )
  const { code, stdout } = await examine([server.url])
  expect(code, stdout.slice(-2000)).toBe(exit)
  expect(stdout).toMatch(status === 200 ? /the output breaks the lexicon/ : /500 InternalServerError/)
})

it('signs in with an answer that has no session: the run does not begin', async () => {
  await using server = await startHostile((call) => sayJson(call, '{}'))
  const { code, stderr } = await examine([server.url, '--write', '--identifier', 'alice.test'], {
    env: { CONTRACT_PASSWORD: 'a-long-password' },
  })
  expect(code).toBe(1)
  expect(stderr).toContain('createSession was answered 200 without did, accessJwt, refreshJwt')
})
