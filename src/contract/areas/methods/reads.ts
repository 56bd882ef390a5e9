import { inWords } from '../../ask.ts'
import type { Area, Rule } from '../../types.ts'
import { createMethodRequests } from './methodRequests.ts'
import { isDescribedAsPublic } from './needsAuth.ts'
import { isAuthRefusal, mustBeJudged } from './refusals.ts'
import { whyClosed } from './whyClosed.ts'

const ALL = ['source', 'target', 'daily'] as const

const anonymous: Rule = {
  id: 'reads.public',
  sentence: 'What the lexicon says does not require a credential is answered without one.',
  level: 'must',
  source: 'the method\'s lexicon: "Does not require auth"; relays and AppViews read so',
  profiles: ALL,
}

const works: Rule = {
  id: 'reads.valid',
  sentence: 'A valid query about what the server has is answered 200.',
  level: 'must',
  source: "the method's lexicon; https://atproto.com/specs/xrpc#summary-of-http-status-codes",
  profiles: ALL,
}

/** What these tell depends on other servers, or on what the account is going through. */
const DEPENDS: ReadonlySet<string> = new Set([
  'com.atproto.identity.resolveHandle',
  'com.atproto.identity.resolveDid',
  'com.atproto.identity.resolveIdentity',
  'com.cirrus.admin.resumeRepo',
])

/** Queries that must work, by anyone and by the account. */
export const reads: Area = {
  name: 'reads',
  rules: [anonymous, works],
  requests: (run) => run.lexicons.methods.filter(({ id, kind }) => kind === 'query' && run.serves(id)).length,
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of requests.methods.filter(({ kind }) => kind === 'query')) {
      const subject = method.id
      if (isDescribedAsPublic(method.description))
        await run.expect(
          anonymous,
          { subject, case: 'a valid request without a credential' },
          async (ask) => {
            const answer = await ask(subject, requests.valid(method))
            mustBeJudged(answer)
            return isAuthRefusal(answer) ? inWords(answer) : undefined
          },
        )
      if (DEPENDS.has(subject)) continue
      const place = { subject, case: 'a valid request', expected: '200' }
      const caller = await requests.caller(method)
      if (!caller) run.unclear(works, place, whyClosed(run, method.id))
      else if (!requests.finds(method))
        run.unclear(works, place, 'nothing was found on the server that a request could be about')
      else
        await run.expect(works, place, async (ask) => {
          const answer = await ask(subject, requests.valid(method, caller.headers))
          mustBeJudged(answer)
          return answer.status === 200 ? undefined : inWords(answer)
        })
    }
  },
}
