import { isObject, type JsonObject } from '../../isObject.ts'
import type { Answer, Ask } from '../ask.ts'
import { createRule } from '../createRule.ts'
import { domainOf, madeUpName } from '../createThrowAway.ts'
import { NOWHERE } from '../discover.ts'
import { inText } from '../inText.ts'
import { sessionOf } from '../sessionOf.ts'
import type { Area, Rule, Run } from '../types.ts'
import { notNamed, notRefused } from './methods/refusals.ts'

const CREATE = 'com.atproto.server.createAccount'
const rule = createRule('creation', ['target'])

const taken = rule(
  'taken-handle',
  'must',
  'An account is not made with the handle of another one.',
  'https://atproto.com/specs/handle: a handle is that of one account',
)
const foreignDomain = rule(
  'foreign-domain',
  'must',
  'An account is not made with a handle below a domain that is not the server’s, and that does not name the account.',
  `https://atproto.com/specs/handle#handle-resolution; lexicon ${CREATE}: UnsupportedDomain`,
)
const inviteCode = rule(
  'invite-code',
  'must',
  'Where invite codes are required, a made-up one makes no account.',
  `lexicon ${CREATE}: InvalidInviteCode; lexicon com.atproto.server.describeServer: inviteCodeRequired`,
)
const foreignDid = rule(
  'foreign-did',
  'must',
  'An account is not made for a DID whose owner has not asked for it with a service token.',
  `https://atproto.com/guides/account-migration; lexicon ${CREATE}: did`,
)
const named = rule(
  'names',
  'should',
  'The refusal has the name that the lexicon declares for it.',
  `lexicon ${CREATE}: errors; apps tell people by the name what to change`,
)

interface Attempt {
  readonly rule: Rule
  readonly name: string
  readonly body: JsonObject
  readonly errors: readonly string[]
}

/** Requests of which each is wrong in one thing. */
async function attempts({ ask, deps, throwAway, session }: Run): Promise<Attempt[]> {
  const domain = await domainOf(ask)
  const described = (await ask('com.atproto.server.describeServer')).json
  const isCodeRequired = isObject(described) && described['inviteCodeRequired'] === true
  const code = throwAway?.inviteCode === undefined ? {} : { inviteCode: throwAway.inviteCode }
  const own = (await session())?.handle ?? ''
  const body = (more: JsonObject): JsonObject => {
    const name = madeUpName(deps.random)
    const password = `${name}-${madeUpName(deps.random)}`
    return { handle: `${name}${domain}`, email: `${name}@example.com`, password, ...code, ...more }
  }
  return [
    {
      rule: taken,
      name: 'a handle that is taken',
      body: body({ handle: own }),
      errors: ['HandleNotAvailable'],
    },
    {
      rule: foreignDomain,
      name: 'a handle of another domain',
      body: body({ handle: `${madeUpName(deps.random)}.example.com` }),
      errors: ['UnsupportedDomain', 'InvalidHandle'],
    },
    ...(isCodeRequired
      ? [
          {
            rule: inviteCode,
            name: 'a made-up invite code',
            body: body({ inviteCode: 'example-com-abcde-fghij' }),
            errors: ['InvalidInviteCode'],
          },
        ]
      : []),
    { rule: foreignDid, name: 'a DID without a proof', body: body({ did: NOWHERE.did }), errors: [] },
  ]
}

/** What became of an attempt. An account that was made all the same stays, and is said to. */
function judged(run: Run, answer: Answer): string | undefined {
  if (answer.status !== 200) return notRefused(answer)
  const made = isObject(answer.json) ? answer.json : {}
  const session = sessionOf(made)
  if (session) for (const secret of [session.accessJwt, session.refreshJwt]) run.hide(secret)
  run.stays(`the account ${inText(made['handle'])} (${inText(made['did'])}): its administrator can delete it`)
  return `200: the account ${inText(made['handle'])} was made`
}

/** Accounts that must not be made: tried where one may be, as a server that does not look makes them. */
export const creation: Area = {
  name: 'creation',
  rules: [taken, foreignDomain, inviteCode, foreignDid, named],
  requests: (run) => (run.throwAway ? 6 : 0),
  async check(run) {
    if (!run.write || !run.throwAway || !run.serves(CREATE)) return
    for (const { rule: refusal, name, body, errors } of await attempts(run)) {
      const place = { subject: CREATE, case: name }
      const ask: Ask = {
        verb: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }
      run.hide(String(body['password']))
      let answer: Answer | undefined
      await run.expect(refusal, place, async (asking) => judged(run, (answer = await asking(CREATE, ask))))
      const refused = answer
      if (refused !== undefined && refused.status !== 200 && errors.length > 0)
        await run.expect(named, { ...place, expected: errors.join(' or ') }, async () =>
          notNamed(refused, errors),
        )
    }
  },
}
