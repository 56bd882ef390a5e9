import { inWords } from '../../ask.ts'
import { verbOf, wrongVerbOf } from '../../findServed.ts'
import type { Area, Rule } from '../../types.ts'
import { createMethodRequests } from './methodRequests.ts'
import { expectRefusal, isAuthRefusal, mustBeJudged, type Refusal } from './refusals.ts'

const ALL = ['source', 'target', 'daily'] as const
const XRPC = 'https://atproto.com/specs/xrpc#lexicon-http-endpoints'

const wrong: Rule = {
  id: 'verbs.wrong-refused',
  sentence: 'A query is GET and a procedure is POST: another verb is refused.',
  level: 'must',
  source: `${XRPC}: queries must not change anything, procedures may`,
  profiles: ALL,
}

const house: Rule = {
  id: 'verbs.house-name',
  sentence: 'A wrong verb is answered 400 InvalidRequest, as the reference does.',
  level: 'house',
  source: 'docs/architecture.md; @atproto/xrpc-server answers so',
  profiles: ALL,
}

const head: Rule = {
  id: 'verbs.head',
  sentence: 'HEAD answers as GET does, without a body.',
  level: 'should',
  source:
    'https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2; tools ask so for the size of a blob or an export',
  profiles: ALL,
}

const WRONG: Refusal = { rule: wrong, house, errors: ['InvalidRequest'] }

/** Queries by GET and HEAD, procedures by POST, and nothing else. */
export const verbs: Area = {
  name: 'verbs',
  rules: [wrong, house, head],
  requests: (run) => run.lexicons.methods.filter(({ id }) => run.serves(id)).length * 1.5,
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of requests.methods) {
      const subject = method.id
      const others = run.applies(house) ? ['PUT', 'DELETE'] : []
      for (const verb of [wrongVerbOf(method), ...others])
        await expectRefusal(run, WRONG, { subject, case: `${verb} instead of ${verbOf(method)}` }, { verb })
      if (method.kind !== 'query') continue
      await run.expect(head, { subject, case: 'HEAD' }, async (ask) => {
        const get = await ask(subject, requests.valid(method))
        const answer = await ask(subject, { verb: 'HEAD', query: requests.query(method) })
        mustBeJudged(get)
        mustBeJudged(answer)
        if (answer.bytes.length > 0) return `${answer.bytes.length} bytes of a body in the answer to HEAD`
        if (isAuthRefusal(get) && answer.status >= 400 && answer.status < 500) return undefined
        return answer.status === get.status ? undefined : `${answer.status}, and ${inWords(get)} to GET`
      })
    }
  },
}
