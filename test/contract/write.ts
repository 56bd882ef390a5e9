import { policy, type CredentialKind, type Rule } from '../../src/policy.ts'
import { inWords, type Answer, type Ask, type Asking } from './ask.ts'
import { bodyCases, ignoresCredentials, isPublic, readCases, type Case } from './cases.ts'
import type { Found } from './discover.ts'
import { judge } from './judge.ts'
import { methodById, type Method } from './lexicon.ts'
import { runCase, type Finding } from './finding.ts'
import { sampleQuery } from './sample.ts'
import { positivePaths, type Step } from './positivePaths.ts'

export interface Credentials {
  identifier: string
  password: string
  /** The admin password of a Cirrus. Without it, what only the admin may do is left out. */
  admin?: string
}

type Tokens = Partial<Record<CredentialKind, string>>

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Sends a step, and gives the finding and the answer. */
async function take(
  ask: Asking,
  { id, name, request, status = 200, errors }: Step,
): Promise<[Finding, Answer]> {
  const answer = await ask(id, request)
  const problems = [...judge(answer, methodById(id))]
  const named = errors ? errors.includes(answer.error ?? '') : answer.error === undefined
  const ok = answer.status === status && named && problems.length === 0
  const expected = [status, errors?.join(' or ')].filter(Boolean).join(' ')
  return [{ method: id, case: name, ok, expected, got: [inWords(answer), ...problems].join('; ') }, answer]
}

const signIn = ({ identifier, password }: Credentials): Step => ({
  id: 'com.atproto.server.createSession',
  name: 'signs in',
  request: {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier, password }),
  },
})

const ruleOf = ({ id }: Method): Rule => policy[id]

/** The first of our credentials that the policy allows. */
const ownFor = (method: Method, tokens: Tokens): string | undefined =>
  (['session', 'refresh', 'admin'] as const)
    .filter((kind) => ruleOf(method).who[kind])
    .map((kind) => tokens[kind])
    .find((token) => token !== undefined)

/** A valid credential for a method that it does not open. Bodies are left out, because authority is checked first. */
function* weakCases(method: Method, { known }: Found, tokens: Tokens): Generator<Case> {
  if (ignoresCredentials(method)) return
  for (const kind of ['session', 'refresh', 'admin'] as const) {
    const authorization = tokens[kind]
    if (authorization === undefined || ruleOf(method).who[kind]) continue
    const ask: Ask = {
      verb: method.kind === 'query' ? 'GET' : 'POST',
      query: sampleQuery(method, known),
      headers: { authorization },
    }
    yield {
      name: `${kind} credential, which does not allow it`,
      ask,
      expected: '400 InvalidToken',
      accepts: ({ error }) => error === 'InvalidToken',
    }
  }
}

/** The part of the suite that signs in: private reads, bad bodies by a caller who may write, and the positive paths. */
export async function* writeFindings(
  ask: Asking,
  present: Method[],
  found: Found,
  credentials: Credentials,
): AsyncGenerator<Finding> {
  const [finding, answer] = await take(ask, signIn(credentials))
  yield finding
  if (!finding.ok) return
  const session: Record<string, unknown> = Object(answer.json)
  const tokens: Tokens = {
    session: `Bearer ${text(session.accessJwt)}`,
    refresh: `Bearer ${text(session.refreshJwt)}`,
    ...(credentials.admin === undefined ? {} : { admin: `Basic ${btoa(`admin:${credentials.admin}`)}` }),
  }
  for (const method of present) {
    for (const test of weakCases(method, found, tokens)) yield await runCase(ask, method, method.id, test)
    const authorization = ownFor(method, tokens)
    if (authorization === undefined) continue
    const headers = { authorization }
    const cases =
      method.kind === 'query' ? readCases(method, found, headers) : bodyCases(method, found.known, headers)
    if (method.kind === 'query' || !isPublic(method))
      for (const test of cases) yield await runCase(ask, method, method.id, test)
  }
  const here = new Set<string>(present.map(({ id }) => id))
  const steps = positivePaths({ tokens, did: text(session.did) })
  let next = steps.next()
  while (!next.done) {
    if (!here.has(next.value.id)) {
      next = steps.next(undefined)
      continue
    }
    const [result, got] = await take(ask, next.value)
    yield result
    next = steps.next(got.json)
  }
}
