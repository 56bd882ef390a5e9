import { inWords } from '../../ask.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'
import type { Area, Rule, Run } from '../../types.ts'
import { Unclear } from '../../types.ts'
import { checkHouseCredentials, HOUSE_CREDENTIALS } from './houseCredentials.ts'
import { createMethodRequests, type MethodRequests } from './methodRequests.ts'
import { isDescribedAsPrivate, needsAuth } from './needsAuth.ts'
import { isAuthRefusal, mustBeJudged, notRefusedForCredential } from './refusals.ts'
import { BAD_CREDENTIALS } from './badCredentials.ts'

const ALL = ['source', 'target', 'daily'] as const

const described: Rule = {
  id: 'credentials.none-refused',
  sentence: 'What the lexicon says requires a credential is refused without one.',
  level: 'must',
  source: 'the method\'s lexicon: "Requires auth"',
  profiles: ALL,
}

const ofOwner: Rule = {
  id: 'credentials.owner-only',
  sentence:
    'What acts for an account, or tells what only its owner may know, is refused without a credential.',
  level: 'should',
  source:
    'https://atproto.com/specs/xrpc#authentication; the methods of https://atproto.com/guides/account-migration',
  profiles: ALL,
}

const forged: Rule = {
  id: 'credentials.forged-refused',
  sentence: 'Where no credential is refused, one that anyone could have made is, too.',
  level: 'must',
  source: 'https://atproto.com/specs/xrpc#authentication; https://www.rfc-editor.org/rfc/rfc8725#section-3.1',
  profiles: ALL,
}

/** Without a credential. An answer that says nothing of one was given before it was looked for. */
async function tryWithout(run: Run, requests: MethodRequests, method: Method): Promise<void> {
  const rule = isDescribedAsPrivate(method) ? described : ofOwner
  await run.expect(rule, { subject: method.id, case: 'no credential' }, async (ask) => {
    const answer = await ask(method.id, requests.doomed(method))
    mustBeJudged(answer)
    if (isAuthRefusal(answer)) return undefined
    if (answer.status >= 400 && answer.status < 500)
      throw new Unclear(`refused for something else before the credential was looked for: ${inWords(answer)}`)
    return inWords(answer)
  })
}

/** Who is let in: nobody without a credential where one is needed, and nobody with one that is not good. */
export const credentials: Area = {
  name: 'credentials',
  rules: [described, ofOwner, forged, ...HOUSE_CREDENTIALS],
  requests: (run) => run.lexicons.methods.filter(({ id }) => run.serves(id)).length * 4,
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of requests.methods) {
      if (needsAuth(method)) await tryWithout(run, requests, method)
      const plain = await run.ask(method.id, requests.doomed(method)).catch(() => undefined)
      if (plain && isAuthRefusal(plain))
        for (const { name, header } of BAD_CREDENTIALS(run.found.known.did).filter(({ isHouse }) => !isHouse))
          await run.expect(forged, { subject: method.id, case: name }, async (ask) =>
            notRefusedForCredential(await ask(method.id, requests.doomed(method, { authorization: header }))),
          )
      await checkHouseCredentials(run, requests, method)
    }
  },
}
