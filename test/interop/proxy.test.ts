/** The same requests to Cirrus and to the reference PDS, both in front of the same services: what they forward, and what they answer. */
import { request as send, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { signIn } from '../../dev/seed.ts'
import { type LocalService, startLocalService } from '../support/localService.ts'
import { startPlc } from '../support/plc.ts'
import { startReference } from './support/reference.ts'

interface Server extends AsyncDisposable {
  readonly url: string
  readonly token: string
}

interface Asked {
  readonly verb: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const FEED = 'at://did:web:maker.example/app.bsky.feed.generator/cats'

const REPORT = {
  id: 1,
  reasonType: 'com.atproto.moderation.defs#reasonSpam',
  subject: { $type: 'com.atproto.admin.defs#repoRef', did: 'did:web:a.example' },
  reportedBy: 'did:web:b.example',
  createdAt: '2026-11-22T00:00:00.000Z',
}

/** What the service was asked since the last request of the script. */
const asked: Asked[] = []

const answers: Record<string, { status: number; body?: unknown; headers?: Record<string, string> }> = {
  bad: { status: 400, body: { error: 'Foo', message: 'bar' } },
  unauthorized: { status: 401, body: { error: 'BadJwt', message: 'no' } },
  missing: { status: 404, body: {} },
  limited: {
    status: 429,
    body: { error: 'RateLimitExceeded', message: 'x' },
    headers: { 'retry-after': '7' },
  },
  broken: { status: 500, body: { error: 'Internal', message: 'oh' } },
  busy: { status: 503, body: { error: 'Busy', message: 'later' } },
  page: { status: 500, body: '<h1>', headers: { 'content-type': 'text/html' } },
  moved: { status: 302, headers: { location: '/' } },
}

const answerAsked: RequestListener = (request, response) => {
  const path = request.url ?? ''
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    if (path === '/.well-known/did.json') {
      const endpoint = (base: string) => service.url + base
      const services = { bsky_appview: '', bsky_notif: '', atproto_labeler: '', deep: '/base', words: 'x' }
      return void response.end(
        JSON.stringify({
          id: service.did,
          service: Object.entries(services).map(([id, base]) => ({
            id: `#${id}`,
            type: 'X',
            serviceEndpoint: base === 'x' ? base : endpoint(base),
          })),
        }),
      )
    }
    asked.push({ verb: request.method ?? '', path, headers: request.headers, body })
    if (path.includes('com.atproto.repo.getRecord') && path.includes('cats')) {
      response.setHeader('content-type', 'application/json')
      return void response.end(JSON.stringify({ uri: FEED, value: { did: 'did:web:feeds.example' } }))
    }
    if (path.includes('registerPush')) return void response.end()
    const name = /com\.example\.(\w+)/.exec(path)?.[1] ?? ''
    const {
      status,
      body: answer,
      headers,
    } = answers[name] ?? { status: 200, body: path.includes('createReport') ? REPORT : { feed: [] } }
    response.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'a=b', ...headers })
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
}

let service: LocalService
let plc: Awaited<ReturnType<typeof startPlc>>
let cirrus: Server
let reference: Server

beforeAll(async () => {
  service = await startLocalService(answerAsked)
  const { url, did } = service
  plc = await startPlc()
  const ours = await startPlcCirrus({
    plcUrl: plc.url,
    handle: 'alice.test',
    env: { APPVIEW: `${url} ${did}`, MODERATION: `${url} ${did}` },
  })
  const { accessJwt } = await signIn(ours.url, ours)
  cirrus = { url: ours.url, token: accessJwt, [Symbol.asyncDispose]: () => ours.close() }
  const theirs = await startReference({
    plcUrl: plc.url,
    env: {
      bskyAppViewUrl: url,
      bskyAppViewDid: did,
      modServiceUrl: url,
      modServiceDid: did,
      reportServiceUrl: url,
      reportServiceDid: did,
    },
  })
  const { agent } = await theirs.createAccount({ handle: 'alice.test' })
  reference = {
    url: theirs.url,
    token: agent.session?.accessJwt ?? '',
    [Symbol.asyncDispose]: () => theirs.close(),
  }
})

afterAll(async () => {
  await cirrus?.[Symbol.asyncDispose]()
  await reference?.[Symbol.asyncDispose]()
  await plc?.close()
  await service?.[Symbol.asyncDispose]()
})

interface Case {
  readonly name: string
  readonly verb?: string
  readonly path: string
  /** `atproto-proxy`; `DID` stands for the service's. */
  readonly to?: string
  readonly anonymous?: boolean
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

const read = (name: string, path: string, rest: Partial<Case> = {}): Case => ({ name, path, ...rest })
const write = (name: string, path: string, body: object, rest: Partial<Case> = {}): Case => ({
  name,
  path,
  verb: 'POST',
  body: JSON.stringify(body),
  ...rest,
  headers: { 'content-type': 'application/json', ...rest.headers },
})

const TIMELINE = 'app.bsky.notification.listNotifications'
const HEADERS = [
  ...['#bsky_appview', 'DID', 'DID#', 'DID#a#b', 'DID##', 'DID #a', 'DID#bsky_appview ', 'nobody#x'],
  ...['did:web:nobody.invalid#x', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#x', 'did:key:abc#x', 'did:web#x'],
  ...['DID#absent', 'DID#words', 'DID#deep', 'DID#bsky_notif', 'DID#bsky_appview'],
]

const CASES: Case[] = [
  read('a read', `${TIMELINE}?limit=3&x=%C3%A4&x=b`),
  read('a read with headers', TIMELINE, {
    headers: {
      'accept-language': 'de',
      'atproto-accept-labelers': 'did:web:a.example',
      'x-bsky-topics': 'a',
      'x-atproto-anything': 'b',
      cookie: 'a=b',
      range: 'bytes=0-1',
      'if-none-match': '"x"',
    },
  }),
  read('HEAD', TIMELINE, { verb: 'HEAD' }),
  ...['PUT', 'DELETE', 'PATCH'].map((verb) => read(`${verb}`, TIMELINE, { verb })),
  read('no credential', TIMELINE, { anonymous: true }),
  read('a credential that is not one', TIMELINE, { anonymous: true, headers: { authorization: 'Bearer x' } }),
  write('a write', 'app.bsky.graph.muteActor', { actor: 'did:web:a.example' }),
  {
    name: 'a compressed write',
    path: 'app.bsky.graph.muteActor',
    verb: 'POST',
    body: gzipSync('{"actor":"did:web:a.example"}'),
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  },
  read('a method that nobody knows', 'com.example.method'),
  read('a word', 'word'),
  ...HEADERS.map((to) => read(`to "${to}"`, TIMELINE, { to })),
  ...Object.keys(answers).map((name) => read(`an answer: ${name}`, `com.example.${name}`)),
  read('getFeed', `app.bsky.feed.getFeed?feed=${encodeURIComponent(FEED)}`),
  read('getFeed without a feed', 'app.bsky.feed.getFeed'),
  write('registerPush', 'app.bsky.notification.registerPush', {
    serviceDid: 'DID',
    token: 'x',
    platform: 'ios',
    appId: 'y',
  }),
  write('registerPush without a service', 'app.bsky.notification.registerPush', {
    token: 'x',
    platform: 'ios',
    appId: 'y',
  }),
  write('createReport', 'com.atproto.moderation.createReport', {
    reasonType: 'com.atproto.moderation.defs#reasonSpam',
    subject: { $type: 'com.atproto.admin.defs#repoRef', did: 'did:web:a.example' },
  }),
  read('preferences', 'app.bsky.actor.getPreferences'),
  read('preferences of the AppView', 'app.bsky.actor.getPreferences', { to: 'DID#bsky_appview' }),
  read('preferences elsewhere', 'app.bsky.actor.getPreferences', { to: 'DID#deep' }),
  read('a session, with a header', 'com.atproto.server.getSession', { to: 'DID#deep' }),
  read('a session, in another case', 'com.atproto.server.GETSESSION', { to: 'DID#deep' }),
  read('an invite code', 'com.atproto.server.createInviteCode', { to: 'DID#deep' }),
  read('an account of the admin', 'com.atproto.admin.getAccountInfo?did=did:web:a.example'),
  read('a record elsewhere', 'com.atproto.repo.getRecord?repo=did:web:b.example&collection=a.b.c&rkey=x'),
  read('the same for anyone', 'com.atproto.repo.getRecord?repo=did:web:b.example&collection=a.b.c&rkey=x', {
    anonymous: true,
  }),
  read('records elsewhere', 'com.atproto.repo.listRecords?repo=did:web:b.invalid&collection=a.b.c', {
    anonymous: true,
  }),
]

const claimsOf = (header: string | undefined): unknown => {
  const part = header?.split('.')[1]
  if (part === undefined) return undefined
  const { aud, lxm, exp, iat } = Object(JSON.parse(Buffer.from(part, 'base64url').toString()))
  return { aud: aud === service.did ? 'DID' : aud, lxm, lifetime: exp - iat }
}

/** Those that each server's own HTTP client adds. */
const OWN_HEADERS = [
  'host',
  'connection',
  'user-agent',
  'authorization',
  'accept-encoding',
  'cf-worker',
  'accept',
  'transfer-encoding',
  'traceparent',
  'sec-fetch-mode',
]
const BACK = ['content-type', 'content-language', 'retry-after', 'set-cookie', 'atproto-repo-rev']

interface Outcome {
  answer: [number, string | undefined]
  back: Record<string, unknown>
  forwarded: unknown[]
}

/** Sends one request of the script, and gives what can be compared. */
const run = (server: Server, test: Case): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    asked.length = 0
    const filled = (text: string): string => text.replaceAll('DID', service.did)
    const body = typeof test.body === 'string' ? Buffer.from(filled(test.body)) : test.body
    const headers: Record<string, string | number> = {
      'accept-encoding': 'identity',
      ...(test.anonymous ? {} : { authorization: `Bearer ${server.token}` }),
      ...(test.to === undefined ? {} : { 'atproto-proxy': filled(test.to) }),
      ...(body && { 'content-length': body.length }),
      ...test.headers,
    }
    const url = `${server.url}/xrpc/${test.path}`
    const sending = send(url, { method: test.verb ?? 'GET', headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        const status = response.statusCode ?? 0
        let error: string | undefined
        if (status >= 400 && test.verb !== 'HEAD')
          try {
            error = Object(JSON.parse(text)).error
          } catch {
            error = undefined
          }
        const type = response.headers['content-type']?.split(';')[0]
        resolve({
          answer: [status, error],
          back: {
            ...Object.fromEntries(BACK.map((name) => [name, response.headers[name]])),
            'content-type': text === '' ? undefined : type,
          },
          forwarded: asked.map(({ verb, path, headers, body }) => ({
            verb,
            path,
            body,
            claims: claimsOf(headers.authorization),
            headers: Object.fromEntries(
              Object.entries(headers)
                .filter(([name, value]) => !OWN_HEADERS.includes(name) && value !== '*')
                .toSorted(([a], [b]) => (a < b ? -1 : 1)),
            ),
          })),
        })
      })
    })
    sending.on('error', reject)
    sending.end(body)
  })

/** Each must occur: a difference that is gone is removed. */
const DIFFERENCES: Record<string, string> = {
  'a word': 'What is not an NSID is not forwarded.',
  'to "nobody#x"': 'A malformed DID is a mistake of the caller, no internal error.',
  'to "did:key:abc#x"': 'A DID of another method is a mistake of the caller, no internal error.',
  'to "did:web#x"': 'The same.',
  'to "did:web:nobody.invalid#x"':
    'A host that does not exist is a mistake of the caller, no internal error.',
  'to "DID#deep"': 'An address with a path is asked below that path; there, it fails.',
  'preferences elsewhere': 'The same.',
  'an answer: limited': 'When to come back is passed on; there, it is lost with the error.',
  'an answer: moved': 'A redirect is not an answer. The reference passes it on without its address.',
  'a session, in another case': 'NSIDs are case-sensitive, the routes of Express are not.',
  'an invite code': 'There are no invite codes here, and nothing of com.atproto.server is forwarded.',
  'an account of the admin': 'The methods of that admin are not served here, and not forwarded.',
}

it('is the same, but for what is listed', async () => {
  const different: Record<string, unknown> = {}
  for (const test of CASES) {
    const [ours, theirs] = [await run(cirrus, test), await run(reference, test)]
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) different[test.name] = { ours, theirs }
  }
  const unlisted = Object.entries(different).filter(([name]) => DIFFERENCES[name] === undefined)
  expect(unlisted.map(([name, both]) => `${name}: ${JSON.stringify(both)}`)).toEqual([])
  expect(Object.keys(DIFFERENCES).filter((name) => different[name] === undefined)).toEqual([])
})
