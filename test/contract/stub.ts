import { ignoresCredentials } from '../../src/contract/areas/methods/houseCredentials.ts'
import { createRouter } from '../../src/generated/server.ts'
import { BODY_TIMES } from '../../src/limits.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import { policy, type CredentialKind, type Rule } from '../../src/policy.ts'
import { assertValidOutput } from '../../src/xrpc/assertValidOutput.ts'
import { error } from '../../src/xrpc/errors.ts'
import { createRuntime } from '../../src/xrpc/runtime.ts'
import type { FetchHandler } from './serve.ts'
import { STUB_CREDENTIALS, stubHandlers, type StubHandler } from './stubHandlers.ts'

const TOKENS: Partial<Record<string, CredentialKind>> = {
  'Bearer stub.access.token': 'session',
  'Bearer stub.refresh.token': 'refresh',
  'Bearer stub.migration.token': 'repo:read',
  [`Basic ${btoa(`admin:${STUB_CREDENTIALS.admin}`)}`]: 'admin',
}

/** Applies the authority table to credentials that are plain words. */
function authorize(id: MethodId, request: Request): CredentialKind {
  const rule: Rule = policy[id]
  const header = request.headers.get('authorization')?.trim()
  if (header === undefined || ignoresCredentials(rule)) {
    if (rule.who.anyone) return 'anyone'
    throw error('AuthMissing', 'a credential is needed')
  }
  const kind = TOKENS[header]
  if (kind && rule.who[kind]) return kind
  if (!kind && /^Basic [\w+/=]+$/.test(header)) throw error('AuthenticationRequired', 'wrong password')
  throw error('InvalidToken', 'not a credential that opens this')
}

export interface StubOptions {
  handlers?: Partial<Record<MethodId, StubHandler>>
  authorize?: (id: MethodId, request: Request) => CredentialKind
  limits?: { json: number; methods: Record<string, number> }
  /** Answer as if everything that is requested existed. */
  answerAbsent?: boolean
}

/** The router over stub handlers, without CORS. */
export function stubRouter(options: StubOptions = {}): FetchHandler {
  const handlers = stubHandlers(options.handlers, options.answerAbsent)
  const router = createRouter(
    // The stubs are typed by their documents at run time, not by the compiler.
    handlers as never,
    createRuntime<object, CredentialKind>({
      authorize: async (id, request) => {
        const auth = (options.authorize ?? authorize)(id, request)
        return { auth, anonymous: auth === 'anyone', permit: () => {}, act: (work) => work() }
      },
      times: BODY_TIMES,
      timer: () => (ms, ring) => {
        const id = setTimeout(ring, ms)
        return () => clearTimeout(id)
      },
      limits: options.limits ?? { json: 100_000, methods: {} },
      checkOutput: assertValidOutput,
      newId: () => 'reference',
      report: () => {},
    }),
  )
  return (request) => router.fetch(request, {})
}

const CORS = { 'access-control-allow-origin': '*' }

/** Adds to a handler what the Worker adds: CORS and its preflight. */
const withCors =
  (handler: FetchHandler): FetchHandler =>
  async (request) => {
    if (request.method === 'OPTIONS')
      return new Response(null, {
        status: 204,
        headers: {
          ...CORS,
          'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
          'access-control-allow-headers': 'authorization, content-type',
        },
      })
    // The router knows methods only.
    const isMethod = new URL(request.url).pathname.startsWith('/xrpc/')
    const response = isMethod ? await handler(request) : new Response('nothing here', { status: 404 })
    const headers = new Headers(response.headers)
    for (const [name, value] of Object.entries(CORS)) headers.set(name, value)
    return new Response(response.body, { status: response.status, headers })
  }

/**
 * A server that keeps every contract and does nothing: the generated router over the real runtime, with handlers that
 * answer what their lexicon declares. The oracle and the hostile servers build on it.
 */
export const stub = (options: StubOptions = {}): FetchHandler => withCors(stubRouter(options))
