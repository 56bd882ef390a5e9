import type { MethodId } from '../../src/generated/methods.ts'
import { XrpcError } from '../../src/xrpc/errors.ts'
import { methodById } from './lexicon.ts'
import type { FetchHandler } from './serve.ts'
import { authorize, stubRouter, withCors, type StubOptions } from './stub.ts'
import { HELD, stubOutput, type StubHandler } from './stubHandlers.ts'

export interface Fault {
  name: string
  /** The method in which the suite must find the fault. */
  method: MethodId | 'com.example.unknown'
  /** The rules that it breaks: the one that is about it first, and no unrelated one. */
  rules: readonly string[]
  /** The fault shows only to a caller that signs in. */
  write?: boolean
  options?: StubOptions
  /** Replaces the answer before CORS headers are added. */
  answer?: (request: Request, healthy: FetchHandler) => Promise<Response> | Response
  /** Replaces the answer that leaves the server. */
  outside?: (request: Request, response: Response) => Promise<Response> | Response
}

const fail = (status: number, name: string, message = 'seeded'): Response =>
  Response.json({ error: name, message }, { status })

const handler = (id: MethodId, own: StubHandler): StubOptions => ({
  handlers: { [id]: own },
  validateOutput: false,
})

/** Lets every caller use one method, with any credential or none. */
const openTo = (method: MethodId, when: (header: string | null) => boolean): StubOptions => ({
  authorize: (id, request) =>
    id === method && when(request.headers.get('authorization')) ? 'session' : authorize(id, request),
})

const isVerb = (verb: string) => (request: Request) => request.method === verb

const instead =
  (when: (request: Request) => boolean, response: () => Response): Fault['answer'] =>
  (request, healthy) =>
    when(request) ? response() : healthy(request)

/** Changes every answer for which the condition holds. */
const changed =
  (when: (response: Response) => boolean, change: (headers: Headers) => void): Fault['outside'] =>
  (_, response) => {
    if (!when(response)) return response
    const headers = new Headers(response.headers)
    change(headers)
    return new Response(response.body, { status: response.status, headers })
  }

const always = (): boolean => true
const isOk = ({ status }: Response): boolean => status === 200
const search = (request: Request): URLSearchParams => new URL(request.url).searchParams

/** Every seeded fault. The tests check that each is found, and found in its method only. */
export const FAULTS: Fault[] = [
  {
    name: 'an error with the wrong status',
    method: 'com.atproto.sync.getRepo',
    rules: ['errors.house-name', 'verbs.house-name', 'params.house-name', 'credentials.house-name'],
    outside: async (_, response) => (response.status === 400 ? fail404(await response.json()) : response),
  },
  {
    name: 'an error that is not declared',
    method: 'com.atproto.sync.getLatestCommit',
    rules: ['errors.house-name', 'reads.valid'],
    options: handler('com.atproto.sync.getLatestCommit', () => {
      // Marked as a standard error, so that the runtime lets it through.
      throw Object.assign(new XrpcError('RepoOnFire', 'seeded'), { standard: true })
    }),
  },
  {
    name: 'a required output field left out',
    method: 'com.atproto.server.describeServer',
    rules: ['output.schema'],
    options: handler('com.atproto.server.describeServer', () => ({ did: 'did:web:stub.example' })),
  },
  {
    name: 'an output field of the wrong type',
    method: 'com.atproto.sync.getRepoStatus',
    rules: ['output.schema'],
    options: handler('com.atproto.sync.getRepoStatus', () => ({ did: HELD.did, active: 'yes' })),
  },
  {
    name: 'a CAR file as plain bytes',
    method: 'com.atproto.sync.getRepo',
    rules: ['output.encoding'],
    outside: changed(isOk, (headers) => headers.set('content-type', 'application/octet-stream')),
  },
  {
    name: 'JSON as text',
    method: 'com.atproto.sync.listRepos',
    rules: ['output.encoding'],
    outside: changed(isOk, (headers) => headers.set('content-type', 'text/plain')),
  },
  {
    name: 'a private read open to all',
    method: 'app.bsky.actor.getPreferences',
    rules: ['credentials.owner-only', 'credentials.house-name'],
    options: openTo('app.bsky.actor.getPreferences', always),
  },
  {
    name: 'a write open to all',
    method: 'com.atproto.server.deactivateAccount',
    rules: ['credentials.house-name'],
    options: openTo('com.atproto.server.deactivateAccount', always),
  },
  {
    name: 'a forged token taken',
    method: 'com.cirrus.admin.getStatus',
    rules: ['credentials.forged-refused', 'credentials.house-name'],
    options: openTo('com.cirrus.admin.getStatus', (header) => header?.endsWith('AAAA') ?? false),
  },
  {
    name: 'a token with alg none taken',
    method: 'com.atproto.repo.createRecord',
    rules: ['credentials.forged-refused', 'credentials.house-name'],
    options: openTo('com.atproto.repo.createRecord', (header) => header?.endsWith('.') ?? false),
  },
  {
    name: 'a bad token ignored on a public read',
    method: 'com.atproto.sync.listBlobs',
    rules: ['credentials.house-name'],
    options: openTo('com.atproto.sync.listBlobs', (header) => header === 'Bearer garbage'),
  },
  {
    name: 'a wrong admin password taken',
    method: 'com.cirrus.admin.createMigrationToken',
    rules: ['credentials.house-name'],
    options: openTo(
      'com.cirrus.admin.createMigrationToken',
      (header) => header?.startsWith('Basic Y') ?? false,
    ),
  },
  {
    name: 'a state told as 401, which clients take for an expired session',
    method: 'com.atproto.sync.getRecord',
    rules: ['errors.state-not-401', 'errors.house-name', 'verbs.head', 'credentials.house-name'],
    answer: instead(
      (request) => request.method === 'GET' && search(request).has('rkey'),
      () => fail(401, 'RepoDeactivated'),
    ),
  },
  {
    name: 'a default that is not applied',
    method: 'com.atproto.repo.listRecords',
    rules: ['params.default'],
    answer: (request, healthy) => {
      const url = new URL(request.url)
      // As a server does that parses the URL itself.
      if (!url.searchParams.has('limit')) url.searchParams.set('limit', '20')
      return healthy(new Request(url, request))
    },
  },
  {
    name: 'a limit that does not limit',
    method: 'com.atproto.sync.listRepos',
    rules: ['paging.limit', 'paging.walk'],
    options: handler('com.atproto.sync.listRepos', () =>
      stubOutput(methodById('com.atproto.sync.listRepos')),
    ),
  },
  {
    name: 'a limit above the maximum taken',
    method: 'com.atproto.sync.listBlobs',
    rules: ['params.bounds', 'params.house-name'],
    answer: (request, healthy) => {
      const url = new URL(request.url)
      if (Number(url.searchParams.get('limit')) > 1000) url.searchParams.set('limit', '1000')
      return healthy(new Request(url, request))
    },
  },
  {
    name: 'a required parameter that may be missing',
    method: 'com.atproto.repo.describeRepo',
    rules: ['params.required', 'params.house-name'],
    answer: (request, healthy) => {
      const url = new URL(request.url)
      if (!url.searchParams.has('repo')) url.searchParams.set('repo', HELD.did)
      return healthy(new Request(url, request))
    },
  },
  {
    name: 'an unknown parameter refused',
    method: 'com.atproto.sync.getRepoStatus',
    rules: ['params.unknown-ignored'],
    answer: instead(
      (request) => search(request).has('contractSuiteUnknown'),
      () => fail(400, 'InvalidRequest'),
    ),
  },
  {
    name: 'POST taken for GET',
    method: 'com.atproto.server.describeServer',
    rules: ['verbs.wrong-refused', 'verbs.house-name'],
    answer: (request, healthy) => healthy(isVerb('POST')(request) ? new Request(request.url) : request),
  },
  {
    name: 'GET taken for POST',
    method: 'com.atproto.server.activateAccount',
    rules: ['verbs.wrong-refused', 'verbs.house-name'],
    answer: instead(isVerb('GET'), () => new Response(null)),
  },
  {
    name: 'HEAD refused',
    method: 'com.atproto.sync.getBlob',
    rules: ['verbs.head'],
    answer: instead(isVerb('HEAD'), () => new Response(null, { status: 405 })),
  },
  {
    name: 'a failure that tells its details',
    method: 'com.atproto.identity.resolveHandle',
    rules: ['answer.no-failure', 'errors.house-name', 'errors.message-not-inside'],
    answer: instead(isVerb('GET'), () => fail(500, 'TypeError', 'at resolve (/srv/handle.js:1:1)')),
  },
  {
    name: 'an error page instead of an error',
    method: 'com.atproto.repo.getRecord',
    rules: ['answer.error-shape', 'verbs.house-name', 'params.house-name', 'errors.declared-name'],
    outside: (_, response) =>
      response.status === 400
        ? new Response('<h1>Bad Request</h1>', { status: 400, headers: response.headers })
        : response,
  },
  {
    name: 'an error without a name',
    method: 'com.atproto.repo.uploadBlob',
    rules: ['answer.error-shape', 'verbs.house-name', 'credentials.house-name'],
    outside: (_, response) =>
      response.status < 400
        ? response
        : Response.json({ message: 'no' }, { status: response.status, headers: response.headers }),
  },
  {
    name: 'a method answered 404, as if it were a page',
    method: 'com.atproto.repo.importRepo',
    rules: ['served.target'],
    answer: () => new Response('Not found', { status: 404 }),
  },
  {
    name: 'an unknown method answered 404',
    method: 'com.example.unknown',
    rules: ['unknown.house-name'],
    answer: () => fail(404, 'NotFound'),
  },
  {
    name: 'no CORS',
    method: 'com.atproto.sync.getBlocks',
    rules: ['answer.cors', 'cors.preflight'],
    outside: changed(always, (headers) => headers.delete('access-control-allow-origin')),
  },
  {
    name: 'CORS with credentials',
    method: 'com.atproto.server.getSession',
    rules: ['answer.cors'],
    outside: changed(always, (headers) => headers.set('access-control-allow-credentials', 'true')),
  },
  {
    name: 'a preflight that does not allow the Authorization header',
    method: 'com.atproto.server.createAccount',
    rules: ['cors.preflight'],
    outside: changed(
      ({ status }) => status === 204,
      (headers) => headers.set('access-control-allow-headers', '*'),
    ),
  },
  {
    name: 'a redirect',
    method: 'com.atproto.repo.describeRepo',
    rules: ['output.no-redirect'],
    answer: instead(
      isVerb('GET'),
      () => new Response(null, { status: 302, headers: { location: '/elsewhere' } }),
    ),
  },
  {
    name: 'a body of the wrong type taken at the sign-in',
    method: 'com.atproto.server.createSession',
    rules: ['bodies.house-name'],
    answer: async (request, healthy) => {
      if (request.headers.get('content-type') !== 'text/plain') return healthy(request)
      return fail(401, 'AuthenticationRequired')
    },
  },
  {
    name: 'broken JSON answered as a failure',
    method: 'com.atproto.server.createSession',
    rules: ['answer.no-failure'],
    answer: async (request, healthy) => {
      const text = await request.clone().text()
      return text === '{"a":' ? fail(500, 'InternalServerError') : healthy(request)
    },
  },
  {
    name: 'any password taken',
    method: 'com.atproto.server.createSession',
    rules: ['sign-in.refused', 'sign-in.401', 'sign-in.house-name'],
    options: handler('com.atproto.server.createSession', () => ({
      accessJwt: 'stub.access.token',
      refreshJwt: 'stub.refresh.token',
      did: HELD.did,
      handle: HELD.handle,
    })),
  },
  {
    name: 'a field of the wrong type taken from the owner',
    method: 'com.atproto.repo.createRecord',
    rules: ['bodies.type', 'bodies.house-name'],
    write: true,
    answer: async (request, healthy) => {
      const text = await request.clone().text()
      const lenient = text.replace('"validate":"maybe"', '"validate":true')
      return healthy(lenient === text ? request : new Request(request, { method: 'POST', body: lenient }))
    },
  },
  {
    name: 'a write that does not say what it wrote',
    method: 'com.atproto.repo.putRecord',
    rules: ['output.schema', 'calls.swap'],
    write: true,
    options: handler('com.atproto.repo.putRecord', () => ({ uri: `at://${HELD.did}/app.bsky.feed.post/1` })),
  },
  {
    name: 'a body where none is declared',
    method: 'app.bsky.actor.putPreferences',
    rules: ['output.none'],
    write: true,
    answer: async (request, healthy) => {
      const response = await healthy(request)
      return response.status === 200 ? Response.json({ ok: true }) : response
    },
  },
  {
    name: 'a session that mints',
    method: 'com.cirrus.admin.createMigrationToken',
    rules: ['credentials.house-weak'],
    write: true,
    options: openTo('com.cirrus.admin.createMigrationToken', (header) => header?.includes('access') ?? false),
  },
  {
    name: 'an access token taken for a refresh token',
    method: 'com.atproto.server.refreshSession',
    rules: ['credentials.house-weak'],
    write: true,
    options: openTo('com.atproto.server.refreshSession', (header) => header?.includes('access') ?? false),
  },
  {
    name: 'a compare-and-swap that does not compare',
    method: 'com.atproto.repo.putRecord',
    rules: ['calls.swap'],
    write: true,
    options: handler('com.atproto.repo.putRecord', () =>
      stubOutput(methodById('com.atproto.repo.putRecord')),
    ),
  },
]

const fail404 = (body: unknown): Response =>
  Response.json(body, { status: 404, headers: { 'access-control-allow-origin': '*' } })

const methodOf = (request: Request): string => new URL(request.url).pathname.replace('/xrpc/', '')

/**
 * The stub server with one fault, which shows in one method only and which the suite must find.
 */
export function faulty({ method, options, answer, outside }: Fault): FetchHandler {
  const healthy = stubRouter(options)
  const inner = withCors((request) =>
    answer && methodOf(request) === method ? answer(request, healthy) : healthy(request),
  )
  return async (request) => {
    const response = await inner(request)
    return outside && methodOf(request) === method ? outside(request, response) : response
  }
}
