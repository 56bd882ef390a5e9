import { isObject, type JsonObject } from '../../isObject.ts'
import { inWords, type Answer, type Ask, type Asking } from '../ask.ts'
import type { Area, OwnSession, Rule, Run } from '../types.ts'
import { inText } from '../inText.ts'

const rule = (id: string, level: Rule['level'], source: string, sentence: string): Rule => ({
  id: `app-password.${id}`,
  sentence,
  level,
  source,
  profiles: ['daily'],
})

const CREATE = 'com.atproto.server.createAppPassword'
const LIST = 'com.atproto.server.listAppPasswords'
const REVOKE = 'com.atproto.server.revokeAppPassword'
const SIGN_IN = 'com.atproto.server.createSession'
const REFRESH = 'com.atproto.server.refreshSession'
const AUTH = 'https://atproto.com/specs/xrpc#app-passwords'

const signsIn = rule(
  'signs-in',
  'must',
  `lexicon ${CREATE}; ${AUTH}`,
  'An app password opens a session that may write.',
)
const listed = rule(
  'listed',
  'must',
  `lexicon ${LIST}`,
  'An app password is listed by its name until it is revoked, and never with the password.',
)
const once = rule('once', 'should', `lexicon ${CREATE}`, 'A name that is taken is refused.')
const limits = rule(
  'limits',
  'must',
  `${AUTH}: app passwords cannot be used for destructive or account-management actions`,
  'A session of an app password makes no app passwords, and gets no token to create the account elsewhere.',
)
const revoked = rule(
  'revoked',
  'must',
  `lexicon ${REVOKE}`,
  'After it is revoked, an app password opens no session, and its sessions are not refreshed.',
)

/** A name that no one else gives. */
const NAME = 'contract suite'
const COLLECTION = 'com.example.contract'

const withToken = (token: string, body?: JsonObject): Ask => ({
  verb: 'POST',
  headers: {
    authorization: `Bearer ${token}`,
    ...(body ? { 'content-type': 'application/json' } : {}),
  },
  ...(body ? { body: JSON.stringify(body) } : {}),
})
const fieldsOf = ({ json }: Answer): JsonObject => (isObject(json) ? json : {})
const text = (answer: Answer, name: string): string => {
  const value = fieldsOf(answer)[name]
  if (answer.status !== 200 || typeof value !== 'string') throw new Error(inWords(answer))
  return value
}
const mustRefuse = (answer: Answer): string | undefined =>
  answer.status >= 400 && answer.status < 500 ? undefined : inWords(answer)

const signIn = (ask: Asking, did: string, password: string): Promise<Answer> =>
  ask(SIGN_IN, {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier: did, password }),
  })

/** The names of the app passwords, or why they are not told. */
async function namesOf(ask: Asking, { accessJwt }: OwnSession, secret: string): Promise<string[] | string> {
  const answer = await ask(LIST, { headers: { authorization: `Bearer ${accessJwt}` } })
  const { passwords } = fieldsOf(answer)
  if (answer.status !== 200 || !Array.isArray(passwords)) return inWords(answer)
  if (JSON.stringify(answer.json).includes(secret)) return 'it shows the password'
  return passwords.map((one) => inText(isObject(one) ? one['name'] : one))
}

async function checkSession(
  run: Run,
  ask: Asking,
  session: OwnSession,
  access: string,
): Promise<string | undefined> {
  const record = { $type: COLLECTION, note: 'by an app' }
  const at = { repo: session.did, collection: COLLECTION, rkey: 'app-password' }
  const written = await ask(
    'com.atproto.repo.createRecord',
    withToken(access, { ...at, record, validate: false }),
  )
  if (written.status !== 200) return `it may not write: ${inWords(written)}`
  const removed = await ask('com.atproto.repo.deleteRecord', withToken(access, at))
  if (removed.status !== 200) run.stays(`the record ${at.collection}/${at.rkey}`)
  return removed.status === 200 ? undefined : `it may not delete: ${inWords(removed)}`
}

/** App passwords: what they open, what they do not, and that they end. Only with write. */
export const appPasswords: Area = {
  name: 'app-passwords',
  rules: [signsIn, listed, once, limits, revoked],
  async check(run) {
    if (!run.write || !run.serves(CREATE) || !run.serves(REVOKE)) return
    const session = await run.session()
    if (!session) return
    const owner = session.accessJwt
    const revoke = (ask: Asking) => ask(REVOKE, withToken(owner, { name: NAME }))
    let password = ''
    let [access, refresh] = ['', '']
    await run.expect(signsIn, { subject: CREATE, case: 'a new one' }, async (ask) => {
      const made = await ask(CREATE, withToken(owner, { name: NAME }))
      password = text(made, 'password')
      run.hide(password)
      run.made('the app password', async () => {
        const answer = await revoke(run.ask)
        if (answer.status >= 500) throw new Error(inWords(answer))
      })
      const opened = await signIn(ask, session.did, password)
      ;[access, refresh] = [text(opened, 'accessJwt'), text(opened, 'refreshJwt')]
      run.hide(access)
      run.hide(refresh)
      return checkSession(run, ask, session, access)
    })
    if (access === '') return
    await run.expect(listed, { subject: LIST, case: 'while it is there' }, async (ask) => {
      const names = await namesOf(ask, session, password)
      return typeof names === 'string' || !names.includes(NAME) ? String(names) : undefined
    })
    await run.expect(once, { subject: CREATE, case: 'the same name again' }, async (ask) =>
      mustRefuse(await ask(CREATE, withToken(owner, { name: NAME }))),
    )
    await run.expect(limits, { subject: CREATE, case: 'by an app' }, async (ask) => {
      const answer = await ask(CREATE, withToken(access, { name: `${NAME} 2` }))
      if (answer.status === 200) run.stays(`the app password "${NAME} 2"`)
      return mustRefuse(answer)
    })
    await run.expect(
      limits,
      { subject: 'com.atproto.server.getServiceAuth', case: 'by an app' },
      async (ask) =>
        mustRefuse(
          await ask('com.atproto.server.getServiceAuth', {
            headers: { authorization: `Bearer ${access}` },
            query: { aud: 'did:web:target.example.com', lxm: 'com.atproto.server.createAccount' },
          }),
        ),
    )
    await run.expect(revoked, { subject: REVOKE, case: 'and signing in afterwards' }, async (ask) => {
      const answer = await revoke(ask)
      if (answer.status !== 200) return inWords(answer)
      return mustRefuse(await signIn(ask, session.did, password))
    })
    await run.expect(revoked, { subject: REFRESH, case: 'after it was revoked' }, async (ask) =>
      mustRefuse(await ask(REFRESH, withToken(refresh))),
    )
    await run.expect(listed, { subject: LIST, case: 'after it was revoked' }, async (ask) => {
      const names = await namesOf(ask, session, password)
      return typeof names === 'string' || names.includes(NAME) ? String(names) : undefined
    })
  },
}
