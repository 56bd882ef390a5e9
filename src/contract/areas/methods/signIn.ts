import { inWords, type Ask } from '../../ask.ts'
import { NOWHERE } from '../../discover.ts'
import type { Area, Rule } from '../../types.ts'
import { mustBeJudged, notNamed, notRefused } from './refusals.ts'

const METHOD = 'com.atproto.server.createSession'
const ALL = ['source', 'target', 'daily'] as const

const refused: Rule = {
  id: 'sign-in.refused',
  sentence: 'A name that no account has does not sign in.',
  level: 'must',
  source: 'https://atproto.com/specs/xrpc#authentication',
  profiles: ALL,
}

const status: Rule = {
  id: 'sign-in.401',
  sentence: 'A wrong name or password is 401.',
  level: 'should',
  source:
    'https://atproto.com/specs/xrpc#summary-of-http-status-codes; @atproto/api and bsky.app say so to the user',
  profiles: ALL,
}

const house: Rule = {
  id: 'sign-in.house-name',
  sentence: 'A wrong name or password is 401 AuthenticationRequired, as at the reference.',
  level: 'house',
  source: 'docs/architecture.md',
  profiles: ALL,
}

/** A sign-in that must fail. The name is nobody's, so that no account is locked for it. */
export const signIn: Area = {
  name: 'sign-in',
  rules: [refused, status, house],
  requests: () => 1,
  async check(run) {
    if (!run.serves(METHOD)) return
    const what: Ask = {
      verb: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: NOWHERE.handle, password: 'this-is-not-it' }),
      reuse: true,
    }
    const place = { subject: METHOD, case: 'a wrong password' }
    await run.expect(refused, place, async (ask) => notRefused(await ask(METHOD, what)))
    await run.expect(status, place, async (ask) => {
      const answer = await ask(METHOD, what)
      mustBeJudged(answer)
      return answer.status === 401 ? undefined : inWords(answer)
    })
    await run.expect(house, place, async (ask) =>
      notNamed(await ask(METHOD, what), ['AuthenticationRequired']),
    )
  },
}
