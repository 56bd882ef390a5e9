/** A mix of good and bad requests to a whole Cirrus, and to @atproto/xrpc-server, which says which of them are bad. */
import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { activate, startPlcCirrus } from '../../dev/account.ts'
import type { Cirrus } from '../../dev/cirrus.ts'
import { listen, type Served } from '../contract/serve.ts'
import { type Known, NOWHERE } from '../../src/contract/discover.ts'
import { Random } from '../fuzz/random.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { FIRST_SEED, LONG } from '../support/scale.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { type Mixed, mixed } from './mixed.ts'
import { serveReference } from './reference.ts'
import { send } from './send.ts'

const COUNT = LONG ? 10_000 : 400

/** What a mix of requests would end, and the test needs. */
const ENDS =
  /server\.(deactivateAccount|deleteAccount|deleteSession)|admin\.(endSessions|revokeMigrationTokens|deleteAccount|rotate)|updateHandle|AppPassword/

let plc: PlcDirectory
let cirrus: Cirrus
let oracle: Served
let appView: Served

beforeAll(async () => {
  plc = await startPlc()
  appView = await listen(
    createServer((request, answer) => {
      request.resume()
      const status = request.url?.includes('limit=x') ? 400 : 200
      answer.writeHead(status, { 'content-type': 'application/json' })
      answer.end(status === 200 ? '{"feed":[]}' : '{"error":"InvalidRequest","message":"limit"}')
    }),
  )
  cirrus = await startPlcCirrus({
    plcUrl: plc.url,
    handle: 'alice.test',
    // Half of what an object has.
    maxHeapMb: 64,
    env: { WRITE_POINTS_PER_HOUR: '10000000', APPVIEW: `${appView.url} did:web:appview.example` },
  })
  oracle = await serveReference()
}, 120_000)
afterAll(async () => {
  await Promise.all([oracle?.close(), appView?.close(), cirrus?.close()])
  await plc?.close()
})

const json = async (
  method: string,
  authorization: string,
  body: unknown,
): Promise<Record<string, unknown>> => {
  const answer = await fetch(`${cirrus.url}/xrpc/${method}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`)
  return Object(await answer.json())
}

/** Where we knowingly take what the oracle refuses. */
const isKnown = ({ kind, method, headers, path }: Mixed): boolean =>
  EXCEPTIONS.some(({ kinds, ours }) => ours.status === 200 && kinds.test(kind)) ||
  // The limit of the oracle is smaller.
  (kind.startsWith('body: too long') && method.endsWith('uploadBlob')) ||
  // The oracle decodes brotli for blobs only, and looks at no body where none is declared.
  headers?.['content-encoding'] === 'br' ||
  (kind.startsWith('no input') && headers?.['content-encoding'] !== undefined) ||
  // A record of another repository: the service that has it looks at the parameters.
  (method === 'com.atproto.repo.getRecord' && path.includes(encodeURIComponent(NOWHERE.did)))

it(`answers ${COUNT} requests, good and bad, without a bug, and none that is malformed with success`, async () => {
  const admin = `Basic ${Buffer.from(`admin:${cirrus.adminPassword}`).toString('base64')}`
  const session = await json('com.atproto.server.createSession', '', {
    identifier: cirrus.did,
    password: cirrus.password,
  })
  const bearer = `Bearer ${String(session['accessJwt'])}`
  const created = await json('com.atproto.repo.createRecord', bearer, {
    repo: cirrus.did,
    collection: 'app.bsky.feed.post',
    record: { text: 'hello', createdAt: '2026-11-22T00:00:00Z' },
  })
  const commit: Record<string, unknown> = Object(created['commit'])
  const known: Known = {
    did: cirrus.did,
    handle: 'alice.test',
    collection: 'app.bsky.feed.post',
    rkey: String(created['uri']).split('/').at(-1) ?? '',
    cid: String(created['cid']),
    commit: String(commit['cid']),
    rev: String(commit['rev']),
    blob: 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
  }
  const wrong: string[] = []
  const seen = new Map<number, number>()
  const memory: number[] = []
  for (let n = 0; n < COUNT; n++) {
    const random = new Random('mixed', FIRST_SEED, n)
    const request = mixed(random, known)
    const dice = random.int(20)
    const ends = ENDS.test(request.path)
    const authorization =
      ends || dice === 0 ? undefined : dice === 1 ? admin : dice === 2 ? 'Bearer x.y.z' : bearer
    const headers = { ...request.headers, ...(authorization ? { authorization } : {}) }
    const ours = await send(cirrus.url, { ...request, headers })
    seen.set(ours.status, (seen.get(ours.status) ?? 0) + 1)
    const shown = (): string =>
      `${n}: ${request.kind} | ${request.verb} ${request.path.slice(0, 200)} | ${JSON.stringify(request.headers)} | ${String(request.body).slice(0, 300)} | ${JSON.stringify(ours)}`
    const isError = ours.status >= 400
    if (ours.status === 500 || (isError && request.verb !== 'HEAD' && ours.error === undefined))
      wrong.push(shown())
    // What is not served here is proxied, which the oracle does not do.
    if (!request.method.startsWith('(') && !isError) {
      const theirs = await send(oracle.url, request)
      if (theirs.status >= 400 && !isKnown(request))
        wrong.push(`${shown()} | theirs ${JSON.stringify(theirs)}`)
    }
    if (n % 100 === 99) await activate(cirrus)
    if (n % (COUNT / 4) === COUNT / 4 - 1) memory.push((await cirrus.memory()).rss)
  }
  expect(wrong.join('\n')).toBe('')
  expect(cirrus.log.filter((line) => line.includes('"event":"bug"'))).toEqual([])
  // All of it was exercised: answers of each class, and the limits of the account were not what answered.
  expect(seen.get(200) ?? 0).toBeGreaterThan(COUNT / 10)
  expect(seen.get(400) ?? 0).toBeGreaterThan(COUNT / 10)
  expect(seen.get(429) ?? 0).toBeLessThan(COUNT / 20)
  // What is kept of requests would grow with each quarter; a process that warms up does not.
  const [, , third = 0, last = 0] = memory
  expect(cirrus.hasEnded).toBe(false)
  if (LONG) expect(last - third, `${memory}`).toBeLessThan(60 * 2 ** 20)
  const check = await fetch(`${cirrus.url}/xrpc/com.cirrus.admin.checkRepo`, {
    headers: { authorization: admin },
  })
  expect(await check.json()).toMatchObject({ problems: [] })
})
