/** The requests, and what each must be answered, made from a method's document and its row in the policy. */
import { STANDARD_ERRORS } from '../../src/standardErrors.ts'
import { type CredentialKind, policy, type Rule } from '../../src/policy.ts'
import type { Answer, Ask } from './ask.ts'
import type { Found } from './discover.ts'
import type { Method } from './lexicon.ts'
import { NOWHERE, sample, sampleQuery, type Known, type Query, type Schema } from './sample.ts'
import { badQueries, violations } from './violate.ts'

export interface Case {
  name: string
  ask: Ask
  expected: string
  /** Whether the answer is the expected one. What every answer must satisfy is judged separately. */
  accepts(answer: Answer, earlier: Answer[]): boolean
  /** Requests whose answers `accepts` compares this answer with. */
  besides?: Ask[]
}

const is = (id: Method['id']): Rule => policy[id]
export const isPublic = ({ id }: Method): boolean => is(id).who.anyone !== undefined
/** No credential changes the answer, so a bad one may be ignored as well as refused. */
export const ignoresCredentials = ({ id }: Method): boolean =>
  is(id).lenient === true || Object.keys(is(id).who).join() === 'anyone'
/** The kind of credential as which the policy sees one of this kind. */
export const seenAs = (id: Method['id'], kind: CredentialKind): CredentialKind => {
  const { who, lenient } = is(id)
  if (Object.keys(who).join() === 'anyone') return 'anyone'
  // A service token is not even looked at here: what is wrong with it is said where anyone is refused.
  const isServiceToken = kind === 'service' || kind === 'blobUpload'
  return lenient && who[kind] === undefined && !isServiceToken ? 'anyone' : kind
}

const refused = (name: string, ask: Ask, ...errors: string[]): Case => ({
  name,
  ask,
  expected: errors.map((error) => `${statusFor(error)} ${error}`).join(' or '),
  accepts: (answer) => answer.error !== undefined && errors.includes(answer.error),
})

const statusFor = (error: string): number =>
  Object.hasOwn(STANDARD_ERRORS, error) ? STANDARD_ERRORS[error as keyof typeof STANDARD_ERRORS] : 400

const answered = (name: string, ask: Ask, mustWork: boolean): Case => ({
  name,
  ask,
  expected: mustWork ? '200' : '200, or an error that the lexicon declares',
  accepts: ({ status }) => !mustWork || status === 200,
})

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token with the right claims and a signature that anyone could have made. */
const unsigned = (did: string, alg: string): string => {
  const claims = { scope: 'com.atproto.access', sub: did, iss: did, aud: did, iat: 1, exp: 4_102_444_800 }
  return `${base64url({ typ: 'at+jwt', alg })}.${base64url(claims)}.${alg === 'none' ? '' : 'A'.repeat(43)}`
}

/** A request body that every server must refuse, so that a missing check does not lead to a write. */
const badBody = ({ input }: Method): Ask =>
  input ? { headers: { 'content-type': 'text/plain' }, body: 'not what the lexicon says' } : {}

const verbOf = ({ kind }: Method): string => (kind === 'query' ? 'GET' : 'POST')

/** Invalid credentials. The bodies are bad on purpose, because authority must be checked first. */
export function* credentialCases(method: Method, known: Known): Generator<Case> {
  const ask: Ask = { verb: verbOf(method), query: sampleQuery(method, known), ...badBody(method) }
  const withHeader = (authorization: string): Ask => ({ ...ask, headers: { ...ask.headers, authorization } })
  if (!isPublic(method)) yield refused('no credential', ask, 'AuthMissing')
  const bad: [string, string, string][] = [
    ['a Bearer that is no token', 'Bearer garbage', 'InvalidToken'],
    ['a Bearer with three parts of nothing', 'Bearer a.b.c', 'InvalidToken'],
    ['a token with alg none', `Bearer ${unsigned(known.did, 'none')}`, 'InvalidToken'],
    ['a token with a forged signature', `Bearer ${unsigned(known.did, 'HS256')}`, 'InvalidToken'],
    ['an unknown kind of credential', 'Digest username="admin"', 'InvalidToken'],
    ['Basic with a wrong password', `Basic ${btoa('admin:this-is-not-it')}`, 'AuthenticationRequired'],
    ['Basic that is not base64', 'Basic !!!', 'InvalidToken'],
  ]
  for (const [name, header, error] of bad)
    if (!ignoresCredentials(method)) yield refused(name, withHeader(header), error)
    else if (method.kind === 'query' && header.startsWith('Bearer g'))
      yield answered(`${name}, where none is needed`, withHeader(header), false)
}

export function* verbCases(method: Method, known: Known): Generator<Case> {
  const query = sampleQuery(method, known)
  const wrong = method.kind === 'query' ? ['POST', 'PUT', 'DELETE'] : ['GET', 'PUT', 'DELETE']
  for (const verb of wrong)
    yield refused(`${verb} instead of ${verbOf(method)}`, { verb, query }, 'InvalidRequest')
}

/** Parameters with a mistake. Sent without a credential too, because parameters are read before it. */
export function* paramCases(
  method: Method,
  known: Known,
  headers: Record<string, string> = {},
): Generator<Case> {
  const ask = {
    verb: verbOf(method),
    headers: { ...badBody(method).headers, ...headers },
    body: badBody(method).body,
  }
  for (const { name, value } of badQueries(method, known))
    yield refused(`parameter ${name}`, { ...ask, query: value }, 'InvalidRequest')
}

/** The facts about the server that a method's sample needs in order to find something. */
const needs = (method: Method): (keyof Known)[] => {
  const needed = new Set<keyof Known>()
  const probe = JSON.stringify(sampleQuery(method, PROBE))
  for (const [key, value] of Object.entries(PROBE)) if (probe.includes(value)) needed.add(key as keyof Known)
  return [...needed]
}

const PROBE: Known = {
  ...NOWHERE,
  did: 'did:x:did',
  cid: 'x-cid',
  commit: 'x-commit',
  blob: 'x-blob',
  rkey: 'x-rkey',
}

/** The error for a thing that does not exist, if the lexicon declares one. */
function* absentCases(
  method: Method,
  known: Known,
  has: boolean,
  headers: Record<string, string>,
): Generator<Case> {
  const valid = sampleQuery(method, known)
  const absent: [string, Query][] = []
  if ('did' in valid) absent.push(['RepoNotFound', { ...valid, did: NOWHERE.did }])
  if (has && 'cid' in valid) absent.push(['BlobNotFound', { ...valid, cid: NOWHERE.blob }])
  if (has && 'cids' in valid) absent.push(['BlockNotFound', { ...valid, cids: [NOWHERE.cid] }])
  if (has && 'root' in valid) absent.push(['SnapshotGone', { ...valid, root: NOWHERE.cid }])
  if (has && method.id === 'com.atproto.repo.getRecord')
    absent.push(['RecordNotFound', { ...valid, rkey: 'contract-suite-none' }])
  for (const [error, query] of absent)
    if (method.errors.includes(error))
      yield refused(`what is not there (${error})`, { query, headers }, error)
}

const TIMES = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]{0,12}"/g
/** Two answers that say what the server's clock says differ in that: times of the last minute are all the same here. */
const timeless = ({ bytes }: Answer): string =>
  Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(TIMES, (time: string) =>
      Date.now() - Date.parse(time.slice(1, -1)) < 60_000 ? '"now"' : time,
    )

const sameBody = (a: Answer, b: Answer | undefined): boolean =>
  b !== undefined && a.status === b.status && timeless(a) === timeless(b)

const longest = (json: unknown): number =>
  Math.max(0, ...Object.values(Object(json)).map((value) => (Array.isArray(value) ? value.length : 0)))

/** What an authorized caller gets from a query. */
export function* readCases(
  method: Method,
  { known, has }: Found,
  headers: Record<string, string> = {},
): Generator<Case> {
  const query = sampleQuery(method, known)
  const ask: Ask = { query, headers }
  const works =
    needs(method).every((fact) => has.has(fact)) && (has.has('commit') || needs(method).length === 0)
  const mustWork = works && method.id !== 'com.atproto.identity.resolveHandle'
  yield answered('a valid request', ask, mustWork)
  yield {
    ...answered('HEAD', { ...ask, verb: 'HEAD' }, false),
    expected: 'what GET answers, without a body',
    besides: [ask],
    accepts: ({ status }, [get]) => status === get?.status,
  }
  yield {
    ...answered('an unknown parameter', { ...ask, query: { ...query, contractSuiteUnknown: '1' } }, false),
    expected: 'what is answered without it',
    besides: [ask],
    accepts: ({ status }, [plain]) => status === plain?.status,
  }
  for (const [name, property] of Object.entries<Schema>(method.params)) {
    if (property.default === undefined || !mustWork) continue
    yield {
      ...answered(`parameter ${name}: its default`, ask, true),
      expected: `the same as ${name}=${String(property.default)}`,
      besides: [{ ...ask, query: { ...query, [name]: String(property.default) } }],
      accepts: (answer, [explicit]) => sameBody(answer, explicit),
    }
    if (name === 'limit')
      yield {
        ...answered('parameter limit: 1', { ...ask, query: { ...query, limit: '1' } }, true),
        expected: 'at most one item',
        accepts: ({ status, json }) => status === 200 && longest(json) <= 1,
      }
  }
  yield* absentCases(method, known, works, headers)
}

/** Bodies with a mistake, sent by a caller that may write. */
export function* bodyCases(
  method: Method,
  known: Known,
  headers: Record<string, string> = {},
): Generator<Case> {
  const query = sampleQuery(method, known)
  const post = (type: string | undefined, body: string | Uint8Array | undefined): Ask => ({
    verb: 'POST',
    query,
    headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) },
    body,
  })
  const { input } = method
  if (!input)
    return yield refused(
      'a body where none is declared',
      post('text/plain', 'x'.repeat(100)),
      'InvalidRequest',
    )
  const bytes = new TextEncoder().encode('{}')
  // A server may find the type of any bytes by itself.
  if (input.encoding === '*/*')
    return yield refused('a content type that is none', post('!', bytes), 'InvalidRequest')
  yield refused('no content type', post(undefined, bytes), 'InvalidRequest')
  yield refused('a wrong content type', post('text/plain', bytes), 'InvalidRequest')
  if (!input.schema) return
  const json = (value: unknown): Ask => post('application/json', JSON.stringify(value))
  yield refused('a body that is not JSON', post('application/json', '{"a":'), 'InvalidRequest')
  yield refused(
    'a body that is not UTF-8',
    post('application/json', new Uint8Array([0x22, 0xff, 0x22])),
    'InvalidRequest',
  )
  yield refused('a body that is no object', json('text'), 'InvalidRequest')
  const schema: Schema = input.schema
  // Some servers treat a list as an object without members, and would do what it asks for.
  if (schema.required) yield refused('a body that is a list', json([]), 'InvalidRequest')
  for (const { name, value } of violations(schema, known))
    yield refused(`body ${name}`, json(value), 'InvalidRequest')
}

/** Signing in with a name that no account has is refused, and writes nothing but the failed attempt. */
export function* signInCases(method: Method): Generator<Case> {
  if (method.id !== 'com.atproto.server.createSession' || !method.input?.schema) return
  const schema: Schema = method.input.schema
  const valid = { ...Object(sample(schema)), identifier: NOWHERE.handle, password: 'this-is-not-it' }
  yield refused(
    'a wrong password',
    { verb: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(valid) },
    'AuthenticationRequired',
  )
}

const names = (headers: Headers, name: string): string[] =>
  (headers.get(name) ?? '').split(',').map((value) => value.trim().toLowerCase())

/** The preflight request of a browser. */
export function preflightCase(method: Method): Case {
  const verb = verbOf(method)
  const ask: Ask = {
    verb: 'OPTIONS',
    headers: {
      origin: 'https://example.com',
      'access-control-request-method': verb,
      'access-control-request-headers': 'authorization,content-type',
    },
  }
  return {
    name: 'preflight',
    ask,
    expected: `2xx that allows ${verb}, authorization and content-type`,
    accepts: ({ status, headers }) => {
      const verbs = names(headers, 'access-control-allow-methods')
      const allowed = names(headers, 'access-control-allow-headers')
      return (
        status >= 200 &&
        status < 300 &&
        headers.get('access-control-allow-origin') === '*' &&
        (verbs.includes(verb.toLowerCase()) || verbs.includes('*')) &&
        ['authorization', 'content-type'].every((name) => allowed.includes(name))
      )
    },
  }
}
