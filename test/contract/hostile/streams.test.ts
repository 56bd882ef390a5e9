/** Servers that are hostile on their event stream. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { encode } from '@atproto/lex-cbor'
import { parseCid } from '@atproto/lex-data'
import { type WebSocket, WebSocketServer } from 'ws'
import { expect, it } from 'vitest'
import { STUB_CREDENTIALS } from '../stubHandlers.ts'
import { createClock, examine, type Clock } from './examine.ts'
import { sendForEver, startHostile } from './hostileServer.ts'

const ONLY = ['--only', 'com.atproto.sync.subscribeRepos']
const OWNER = ['--write', '--account-has-records', '--identifier', STUB_CREDENTIALS.identifier]
const env = { CONTRACT_PASSWORD: STUB_CREDENTIALS.password }
const FINAL_BINARY = 0x82
const FINAL_TEXT = 0x81

/** A message of a WebSocket, as a server sends it. */
const message = (payload: Uint8Array, first = FINAL_BINARY, declared = payload.length): Buffer => {
  const head = Buffer.alloc(10)
  head[0] = first
  head[1] = 127
  head.writeBigUInt64BE(BigInt(declared), 2)
  return Buffer.concat([head, payload])
}

const event = (type: string, body: object): Uint8Array =>
  Buffer.concat([encode({ op: 1, t: type }), encode({ ...body })])

const INFO = message(event('#info', { name: 'OutdatedCursor', message: 'x'.repeat(500) }))
/** Maps in maps, in place of a body. */
const NESTED = Buffer.concat([
  encode({ op: 1, t: '#commit' }),
  Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.from([0xa1, 0x61, 0x61]))),
  Buffer.from([0xf6]),
])
/** A CAR of which a section says that it has 400 MB. */
const BOMB = Buffer.concat([
  Buffer.from([0x11]),
  encode({ roots: [], version: 1 }),
  Buffer.from([0x80, 0x88, 0xde, 0xbe, 0x01]),
])
const CID = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
const COMMIT = message(
  event('#commit', {
    ...{ seq: 1, repo: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', rev: '3jzfcijpj2z2b', since: null },
    ...{ commit: parseCid(CID), prevData: parseCid(CID), time: '2026-01-01T00:00:00.000Z' },
    ...{ rebase: false, tooBig: false, ops: [], blobs: [], blocks: new Uint8Array(BOMB) },
  }),
)

type Streaming = (socket: Socket, opened: WebSocket, clock: Clock) => void

/** Accepts the handshake, and then does this with the connection. */
const accepted =
  (streaming: Streaming) =>
  (clock: Clock) =>
  (socket: Socket, request: IncomingMessage): void =>
    new WebSocketServer({ noServer: true }).handleUpgrade(request, socket, Buffer.alloc(0), (opened) => {
      opened.on('error', () => {})
      streaming(socket, opened, clock)
    })

/** Some messages, and then the end. */
const then =
  (...messages: Buffer[]): Streaming =>
  (socket, opened) => {
    for (const one of messages) socket.write(one)
    opened.close()
  }

/** The other end is there, and gets nothing. */
const silence: Streaming = (_, opened, clock) => {
  opened.on('pong', () => clock.letWait())
  opened.ping()
}

const raw = (text: string) => () => (socket: Socket) => void socket.end(text)

const STREAMS: readonly (readonly [
  string,
  (clock: Clock) => (socket: Socket, request: IncomingMessage) => void,
  RegExp,
])[] = [
  [
    'that does not answer the handshake',
    (clock) => () => {
      // Twice for an event, and then for the handshake.
      for (let times = 0; times < 3; times++) clock.letWait()
    },
    /no answer to the handshake within 20 s/,
  ],
  ['that refuses it without HTTP', raw('no\r\n\r\n'), /Got .*Parse Error/],
  [
    'that sends the caller elsewhere',
    raw('HTTP/1.1 302 Found\r\nlocation: ws://localhost:1/\r\n\r\n'),
    /Unexpected server response: 302/,
  ],
  ['that is silent', accepted(silence), /the server has no events/],
  ['that is reset', accepted((socket) => void socket.resetAndDestroy()), /ECONNRESET|closed \(1006\)/],
  [
    'of texts without an end',
    accepted((socket) => sendForEver(socket, message(Buffer.from('text'), FINAL_TEXT))),
    /a message that is not binary/,
  ],
  [
    'of garbage without an end',
    accepted((socket) => sendForEver(socket, message(Buffer.alloc(5000, 0xff)))),
    /not canonical DAG-CBOR/,
  ],
  [
    'of messages without an end',
    accepted((socket) => sendForEver(socket, INFO)),
    /#info, and the stream stays open|#info with seq undefined/,
  ],
  [
    'with bytes that are no WebSocket',
    accepted((socket) => sendForEver(socket, Buffer.alloc(1 << 16, 0x37))),
    /Invalid WebSocket frame/,
  ],
  [
    'with a message of a gigabyte',
    accepted((socket) => {
      socket.write(message(Buffer.alloc(1000), FINAL_BINARY, 2 ** 30))
      sendForEver(socket, Buffer.alloc(1 << 16))
    }),
    /Max payload size exceeded/,
  ],
  ['with maps in a hundred thousand maps', accepted(then(message(NESTED))), /nested|depth|levels/],
  [
    'with a section that says it has 400 MB',
    accepted(then(COMMIT)),
    /400000000 bytes declared, 2097152 allowed/,
  ],
]

it.each(STREAMS)('a stream %s: the run ends, and says what it saw', async (_, streaming, words) => {
  const clock = createClock()
  await using server = await startHostile(() => 'honest', streaming(clock))
  const { code, stdout } = await examine([server.url, ...ONLY], { clock })
  expect(stdout).toMatch(words)
  expect(stdout).not.toMatch(/call stack|\[object|Cannot (read|convert)/)
  expect(code).toBe(stdout.includes('Nothing is broken') ? 0 : 3)
  expect(server.sentBytes()).toBeLessThan(256 * 1024 * 1024)
})

it('a stream that floods the owner while records are written: it is not read for ever', async () => {
  const clock = createClock()
  await using server = await startHostile(
    () => 'honest',
    accepted((socket) => sendForEver(socket, INFO))(clock),
  )
  const { code, stdout } = await examine([server.url, ...ONLY, ...OWNER], { clock, env })
  expect(stdout).toMatch(/commits came: it was not read on after \d+ messages of \d+ bytes/)
  expect(code).toBe(3)
})

it('a stream that drips ends after ten minutes', async () => {
  const clock = createClock()
  let drips = 0
  const drip: Streaming = (socket, opened) => {
    opened.on('pong', () => {
      drips++
      clock.pass(7_000)
      socket.write(INFO)
      opened.ping()
    })
    opened.ping()
  }
  await using server = await startHostile(
    () => 'honest',
    (socket, request) =>
      accepted(request.url?.endsWith('cursor=0') ? drip : then(INFO))(clock)(socket, request),
  )
  const { code, stdout } = await examine([server.url, ...ONLY], { clock })
  expect(stdout).toContain('it did not end within 10 minutes')
  expect(code).toBe(3)
  expect(drips).toBeLessThan(100)
})
