import { inWords } from '../../ask.ts'
import { NO_METHOD } from '../../findServed.ts'
import type { Area, Rule } from '../../types.ts'
import { mustBeJudged } from './refusals.ts'

const ALL = ['source', 'target', 'daily'] as const

const refused: Rule = {
  id: 'unknown.refused',
  sentence:
    'A method that the server does not have is 404, 501, or, where it would be forwarded, 401 without a credential.',
  level: 'must',
  source: 'https://atproto.com/specs/xrpc#summary-of-http-status-codes',
  profiles: ALL,
}

const house: Rule = {
  id: 'unknown.house-name',
  sentence:
    'A method that is not served is 501 MethodNotImplemented, or 401 AuthMissing where a session would forward it.',
  level: 'house',
  source: 'docs/architecture.md; @atproto/xrpc-server answers so',
  profiles: ALL,
}

/** Names of methods that nobody has. */
export const unknownMethods: Area = {
  name: 'unknown',
  rules: [refused, house],
  requests: () => 2,
  async check(run) {
    for (const verb of ['GET', 'POST']) {
      const place = { subject: NO_METHOD, case: `${verb} of an unknown method` }
      await run.expect(refused, place, async (ask) => {
        const answer = await ask(NO_METHOD, { verb, reuse: true })
        mustBeJudged(answer)
        return [400, 401, 404, 501].includes(answer.status) ? undefined : inWords(answer)
      })
      await run.expect(house, place, async (ask) => {
        const answer = await ask(NO_METHOD, { verb, reuse: true })
        const { status, error } = answer
        const isNamed = `${status} ${error}`
        return ['501 MethodNotImplemented', '401 AuthMissing'].includes(isNamed) ? undefined : inWords(answer)
      })
    }
  },
}
