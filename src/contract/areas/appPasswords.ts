import { isObject } from '../../isObject.ts'
import { inWords, type Answer, type Asking } from '../ask.ts'
import { asOwner, postAsOwner } from './asOwner.ts'
import { fieldsOf } from './fieldsOf.ts'
import { notRefused } from './methods/refusals.ts'
import { createRule } from '../createRule.ts'
import type { Area, OwnSession, Run } from '../types.ts'
import { inText } from '../inText.ts'

const rule = createRule('app-password', ['daily'])

const CREATE = 'com.atproto.server.createAppPassword'
const LIST = 'com.atproto.server.listAppPasswords'
const REVOKE = 'com.atproto.server.revokeAppPassword'
const SIGN_IN = 'com.atproto.server.createSession'
const REFRESH = 'com.atproto.server.refreshSession'
const AUTH = 'https://atproto.com/specs/xrpc#app-passwords'

const signsIn = rule(
  'signs-in',
  'must',
  'An app password opens a session that may write.',
  `lexicon ${CREATE}; ${AUTH}`,
)
const listed = rule(
  'listed',
  'must',
  'An app password is listed by its name until it is revoked, and never with the password.',
  `lexicon ${LIST}`,
)
const once = rule('once', 'should', 'A name that is taken is refused.', `lexicon ${CREATE}`)
const limits = rule(
  'limits',
  'must',
  'A session of an app password makes no app passwords, and gets no token to create the account elsewhere.',
  `${AUTH}: app passwords cannot be used for destructive or account-management actions`,
)
const revoked = rule(
  'revoked',
  'must',
  'After it is revoked, an app password opens no session, and its sessions are not refreshed.',
  `lexicon ${REVOKE}`,
)

/** A name that no one else gives. */
const NAME = 'contract suite'
const COLLECTION = 'com.example.contract'

const text = (answer: Answer, name: string): string => {
  const value = fieldsOf(answer)[name]
  if (answer.status !== 200 || typeof value !== 'string') throw new Error(inWords(answer))
  return value
}

const signIn = (ask: Asking, did: string, password: string): Promise<Answer> =>
  ask(SIGN_IN, {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier: did, password }),
  })

/** The names of the app passwords, or why they are not told. */
async function namesOf(ask: Asking, session: OwnSession, secret: string): Promise<string[] | string> {
  const answer = await ask(LIST, asOwner(session))
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
    postAsOwner({ accessJwt: access }, { ...at, record, validate: false }),
  )
  if (written.status !== 200) return `it may not write: ${inWords(written)}`
  const removed = await ask('com.atproto.repo.deleteRecord', postAsOwner({ accessJwt: access }, at))
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
    const revoke = (ask: Asking) => ask(REVOKE, postAsOwner({ accessJwt: owner }, { name: NAME }))
    let password = ''
    let [access, refresh] = ['', '']
    await run.expect(signsIn, { subject: CREATE, case: 'a new one' }, async (ask) => {
      const made = await ask(CREATE, postAsOwner({ accessJwt: owner }, { name: NAME }))
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
      notRefused(await ask(CREATE, postAsOwner({ accessJwt: owner }, { name: NAME }))),
    )
    await run.expect(limits, { subject: CREATE, case: 'by an app' }, async (ask) => {
      const answer = await ask(CREATE, postAsOwner({ accessJwt: access }, { name: `${NAME} 2` }))
      if (answer.status === 200) run.stays(`the app password "${NAME} 2"`)
      return notRefused(answer)
    })
    await run.expect(
      limits,
      { subject: 'com.atproto.server.getServiceAuth', case: 'by an app' },
      async (ask) =>
        notRefused(
          await ask('com.atproto.server.getServiceAuth', {
            headers: { authorization: `Bearer ${access}` },
            query: { aud: 'did:web:target.example.com', lxm: 'com.atproto.server.createAccount' },
          }),
        ),
    )
    await run.expect(revoked, { subject: REVOKE, case: 'and signing in afterwards' }, async (ask) => {
      const answer = await revoke(ask)
      if (answer.status !== 200) return inWords(answer)
      return notRefused(await signIn(ask, session.did, password))
    })
    await run.expect(revoked, { subject: REFRESH, case: 'after it was revoked' }, async (ask) =>
      notRefused(await ask(REFRESH, postAsOwner({ accessJwt: refresh }))),
    )
    await run.expect(listed, { subject: LIST, case: 'after it was revoked' }, async (ask) => {
      const names = await namesOf(ask, session, password)
      return typeof names === 'string' || names.includes(NAME) ? String(names) : undefined
    })
  },
}
