import type { Answer } from '../../ask.ts'
import { verbOf } from '../../findServed.ts'
import type { Area, Rule } from '../../types.ts'
import { mustBeJudged } from './refusals.ts'

const rule: Rule = {
  id: 'cors.preflight',
  sentence: 'A web page of any origin may call the method, with a credential and a content type.',
  level: 'should',
  source:
    'https://atproto.com/specs/xrpc#lexicon-http-endpoints: CORS is encouraged; bsky.app and the web migration tools (PDS MOOver) need it',
  profiles: ['source', 'target', 'daily'],
}

const names = (headers: Headers, name: string): string[] =>
  (headers.get(name) ?? '').split(',').map((value) => value.trim().toLowerCase())

function* problems({ status, headers }: Answer, verb: string): Generator<string> {
  if (status < 200 || status >= 300) yield `${status}`
  if (headers.get('access-control-allow-origin') !== '*') yield 'access-control-allow-origin is not *'
  const verbs = names(headers, 'access-control-allow-methods')
  // GET and POST need no leave.
  if (!['get', 'post'].includes(verb.toLowerCase()) && !verbs.includes(verb.toLowerCase()))
    yield `${verb} is not allowed`
  const allowed = names(headers, 'access-control-allow-headers')
  // A * does not stand for authorization.
  for (const name of ['authorization', 'content-type'])
    if (!allowed.includes(name) && !(name === 'content-type' && allowed.includes('*')))
      yield `the header ${name} is not allowed`
}

/** What a browser asks before it sends a request with a credential. */
export const preflight: Area = {
  name: 'preflight',
  rules: [rule],
  requests: (run) => run.lexicons.methods.filter(({ id }) => run.serves(id)).length,
  async check(run) {
    for (const method of run.lexicons.methods.filter(({ id }) => run.serves(id)))
      await run.expect(rule, { subject: method.id, case: 'preflight' }, async (ask) => {
        const answer = await ask(method.id, {
          verb: 'OPTIONS',
          headers: {
            origin: 'https://example.com',
            'access-control-request-method': verbOf(method),
            'access-control-request-headers': 'authorization,content-type',
          },
        })
        mustBeJudged(answer)
        const found = [...problems(answer, verbOf(method))]
        return found.length === 0 ? undefined : found.join('; ')
      })
  },
}
