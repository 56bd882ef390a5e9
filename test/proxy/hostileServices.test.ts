/** Services that lie, lag and break off, asked by a real Cirrus over real connections; and clients that go away. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import type { Cirrus } from '../../dev/cirrus.ts'
import { startPlc } from '../../dev/plc.ts'
import { signIn } from '../../dev/seed.ts'
import { type LocalService, startLocalService } from '../support/localService.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const MB = 1024 * 1024
const answers = new Map<string, Answer>()
const asked: string[] = []

const answer: RequestListener = (request, response) => {
  const path = (request.url ?? '').replace(/^\/xrpc\/|\?.*$/g, '')
  asked.push(path)
  const found = answers.get(path)
  if (!found) return void response.writeHead(404).end()
  void Promise.resolve(found(request, response)).catch(() => response.destroy())
}
let service: LocalService
let plc: Awaited<ReturnType<typeof startPlc>>
let cirrus: Cirrus
let authorization = ''

beforeAll(async () => {
  service = await startLocalService(answer)
  plc = await startPlc({})
  cirrus = await startPlcCirrus({
    plcUrl: plc.url,
    handle: 'alice.test',
    env: { APPVIEW: `${service.url} ${service.did}` },
  })
  authorization = `Bearer ${(await signIn(cirrus.url, cirrus)).accessJwt}`
})

afterAll(async () => {
  await cirrus?.close()
  await plc?.close()
  await service?.[Symbol.asyncDispose]()
})

const ask = (method: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> =>
  fetch(`${cirrus.url}/xrpc/${method}`, {
    ...init,
    headers: { authorization, 'accept-encoding': 'identity', ...Object(init.headers) },
  })

const outcomeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  Object(await response.json()).error,
]

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Writes for as long as the other end takes it. */
const pour = async (response: ServerResponse, chunk: Buffer, chunks = Infinity): Promise<number> => {
  let sent = 0
  const closed = once(response, 'close').then(() => 'closed' as const)
  for (let n = 0; n < chunks && !response.destroyed; n++) {
    sent += chunk.length
    if (response.write(chunk)) continue
    if ((await Promise.race([once(response, 'drain'), closed])) === 'closed') break
  }
  return sent
}

it('a long body passes through in both directions, byte for byte, with its length and without being held', async () => {
  const chunk = randomBytes(MB)
  const [count, length] = [50, 50 * MB]
  let uploaded = 0
  let declared: string | undefined
  answers.set('com.example.download', async (_, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length })
    await pour(response, chunk, count)
    response.end()
  })
  answers.set('com.example.upload', async (request, response) => {
    declared = request.headers['content-length']
    for await (const part of request as AsyncIterable<Buffer>) uploaded += part.length
    response.end('{}')
  })
  const before = (await cirrus.memory()).rss
  const down = await ask('com.example.download')
  expect(down.headers.get('content-length')).toBe(String(length))
  const hash = createHash('sha256')
  let size = 0
  let most = 0
  for await (const part of down.body ?? []) {
    hash.update(part)
    size += part.length
    if (size % (5 * MB) < part.length) most = Math.max(most, (await cirrus.memory()).rss)
  }
  const whole = Buffer.concat(Array<Buffer>(count).fill(chunk))
  expect([size, hash.digest('hex')]).toEqual([length, sha256(whole)])
  expect((most - before) / MB).toBeLessThan(40)
  const up = await ask('com.example.upload', { method: 'POST', body: whole })
  expect([up.status, uploaded, declared]).toEqual([200, length, String(length)])
})

it('slow headers are 502 after 10 seconds, and the service is let go', async () => {
  let closed: Promise<unknown> | undefined
  answers.set('com.example.slow', (request) => {
    closed = once(request.socket, 'close')
  })
  const from = performance.now()
  expect(await outcomeOf(await ask('com.example.slow'))).toEqual([502, 'UpstreamFailure'])
  expect(performance.now() - from).toBeGreaterThan(9000)
  await closed
})

it('an upload that takes longer than that is not late, as long as it goes on', async () => {
  answers.set('com.example.longUpload', async (request, response) => {
    let size = 0
    for await (const part of request as AsyncIterable<Buffer>) size += part.length
    response.end(String(size))
  })
  let parts = 0
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (parts++ === 12) return controller.close()
      controller.enqueue(new Uint8Array(1000))
      await sleep(1000)
    },
  })
  const answer = await ask('com.example.longUpload', {
    method: 'POST',
    body,
    duplex: 'half',
  })
  expect([answer.status, await answer.text()]).toEqual([200, '12000'])
})

it('an endless body is sent for as long as the client reads, and ends when it goes', async () => {
  const poured = Promise.withResolvers<number>()
  answers.set('com.example.endless', async (_, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    poured.resolve(await pour(response, Buffer.alloc(64 * 1024)))
  })
  const answer = await ask('com.example.endless')
  const reader = answer.body?.getReader()
  for (let size = 0; size < 5 * MB;) size += (await reader?.read())?.value?.length ?? 0
  await reader?.cancel()
  // What was on its way between three processes, and no more.
  expect(await poured.promise).toBeLessThan(60 * MB)
})

it('an endless error is an error', async () => {
  const closed = Promise.withResolvers<void>()
  answers.set('com.example.endlessError', async (_, response) => {
    response.writeHead(400, { 'content-type': 'application/json' })
    await pour(response, Buffer.from(`{"error":"${'x'.repeat(100_000)}`))
    closed.resolve()
  })
  expect(await outcomeOf(await ask('com.example.endlessError'))).toEqual([400, 'InvalidRequest'])
  await closed.promise
})

it.for([
  ['more than it sends', 1000, 10, undefined],
  ['less than it sends', 10, 1000, 10],
] as const)(
  'a length that says %s does not become an answer that looks whole',
  async ([, says, sends, read]) => {
    answers.set('com.example.lying', (request, response) => {
      response.socket?.end(
        `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${says}\r\n\r\n${'x'.repeat(sends)}`,
      )
      request.resume()
    })
    const whole = await ask('com.example.lying')
      .then((answer) => answer.text())
      .then((text) => text.length)
      .catch(() => undefined)
    expect(whole).toBe(read)
  },
)

it('a connection that is cut in the body cuts ours', async () => {
  answers.set('com.example.cut', async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('the beginning')
    await sleep(50)
    response.socket?.resetAndDestroy()
  })
  const answer = await ask('com.example.cut')
  await expect(answer.text()).rejects.toThrow()
})

it('a redirect is followed nowhere', async () => {
  let privately = 0
  await using other = await startLocalService((_, response) => {
    privately++
    response.end('{"private":true}')
  })
  answers.set('com.example.redirect', (_, response) => {
    response.writeHead(302, { location: other.url.replace('localhost', '127.0.0.1') }).end()
  })
  expect(await outcomeOf(await ask('com.example.redirect'))).toEqual([502, 'UpstreamFailure'])
  expect(privately).toBe(0)
})

it('401 for ever is 401 each time, asked once each time, and the session goes on', async () => {
  answers.set('com.example.never', (_, response) => {
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"BadJwt","message":"no"}')
  })
  asked.length = 0
  for (const _ of [1, 2, 3]) expect(await outcomeOf(await ask('com.example.never'))).toEqual([401, 'BadJwt'])
  expect(asked.length).toBe(3)
  expect((await ask('com.atproto.server.getSession')).status).toBe(200)
})

it('a huge DID document is refused', async () => {
  await using document = await startLocalService((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    void pour(response, Buffer.from(`{"x":"${'x'.repeat(64 * 1024)}`))
  })
  const headers = { 'atproto-proxy': `${document.did}#x` }
  expect((await outcomeOf(await ask('com.example.method', { headers })))[0]).toBeGreaterThanOrEqual(400)
})

it('nobody listens there', async () => {
  const gone = await startLocalService(() => undefined)
  await gone[Symbol.asyncDispose]()
  await cirrus.restart({ APPVIEW: `${gone.url} ${service.did}` })
  expect(await outcomeOf(await ask('com.example.method'))).toEqual([502, 'UpstreamFailure'])
})

it('nothing of this was an internal error, and no token was written down', () => {
  const log = cirrus.log.join('\n')
  expect(log).not.toContain('"event":"bug"')
  expect(log).not.toContain('eyJ')
})
