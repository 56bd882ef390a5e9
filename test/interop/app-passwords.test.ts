/** The same calls to Cirrus and to the reference PDS, about app passwords and sessions: the same answers, but for those that are listed. */
import { expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { startPlc } from '../support/plc.ts'
import { startReference } from './support/reference.ts'

interface Owner {
  url: string
  did: string
  handle: string
  email: string
  password: string
}

type Json = Record<string, unknown>

/** Where the two differ, and why. */
const DIFFERENCES: Record<string, string> = {
  'makes a second one of the same name': 'the reference answers 500 to a name that is taken',
  'app lists app passwords': 'nothing about passwords is open to an app password here',
  'app revokes an app password': 'nothing about passwords is open to an app password here',
  'app asks for a token for any method': 'it would open more elsewhere than the app password opens here',
  'privileged app asks for a token for any method':
    'servers that do not read lxm would take it for createAccount',
  'privileged app asks for a token for createAccount': 'an app password moves no account here',
  'app asks to confirm the address': 'only a session of the account password is told about the address',
  'owner asks to confirm the address': 'no mail is sent',
  'owner asks to delete the account': 'no mail is sent',
  'app is used after its password was revoked': 'the reference keeps access tokens for two hours',
}

const bodyOf = async (answer: Response): Promise<Json> => {
  const text = await answer.text()
  return text === '' ? {} : (JSON.parse(text) as Json)
}

/** Calls, and what each was answered: the status, and the error or the names of what was in it. */
const script = async ({ url, did, handle, email, password }: Owner): Promise<Record<string, string>> => {
  const answers: Record<string, string> = {}
  const call = async (name: string, method: string, token: string | undefined, input?: Json | 'query') => {
    const answer = await fetch(`${url}/xrpc/${method}`, {
      method: input === 'query' ? 'GET' : 'POST',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(typeof input === 'object' && { 'content-type': 'application/json' }),
      },
      ...(typeof input === 'object' && { body: JSON.stringify(input) }),
    })
    const body = await bodyOf(answer)
    // The reference sends the DID document only where it is configured to.
    const names = Object.keys(body).filter((member) => member !== 'didDoc')
    const shape = answer.ok ? names.toSorted().join() : String(body.error)
    answers[name] = `${answer.status} ${shape}`
    return body
  }
  const server = 'com.atproto.server'
  const signIn = (name: string, identifier: string, secret: unknown) =>
    call(name, `${server}.createSession`, undefined, { identifier, password: secret })
  const claims = (token: unknown): Json =>
    JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Json

  const owner = String((await signIn('owner signs in', handle, password)).accessJwt)
  for (const [name, identifier] of Object.entries({
    DID: did,
    'e-mail': email,
    'E-MAIL': email.toUpperCase(),
  }))
    await signIn(`owner signs in by ${name}`, identifier, password)
  await signIn('owner signs in by capitals', handle.toUpperCase(), password)
  await signIn('a wrong password', handle, 'aaaa-bbbb-cccc-dddd')
  const make = (name: string, token: string, input: Json) =>
    call(name, `${server}.createAppPassword`, token, input)
  const made = await make('makes one', owner, { name: 'app' })
  answers['has the form'] = String(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/.test(String(made.password)))
  answers['is ordinary'] = String(made.privileged)
  await make('makes a second one of the same name', owner, { name: 'app' })
  const chat = await make('makes a privileged one', owner, { name: 'chat', privileged: true })
  await make('makes one without a name', owner, {})
  await call('owner lists them', `${server}.listAppPasswords`, owner, 'query')

  const session = await signIn('app signs in', handle, made.password)
  const app = String(session.accessJwt)
  const privileged = String((await signIn('privileged app signs in', handle, chat.password)).accessJwt)
  answers['scopes'] = [owner, app, privileged, session.refreshJwt].map((token) => claims(token).scope).join()
  answers['lifetimes'] = [app, session.refreshJwt]
    .map((token) => Number(claims(token).exp) - Number(claims(token).iat))
    .join()
  await call('app reads its session', `${server}.getSession`, app, 'query')
  await make('app makes another one', app, { name: 'more' })
  await make('privileged app makes another one', privileged, { name: 'more' })
  await call('app lists app passwords', `${server}.listAppPasswords`, app, 'query')
  await call('app revokes an app password', `${server}.revokeAppPassword`, app, { name: 'nobody' })
  await call('app deactivates', `${server}.deactivateAccount`, app, {})
  await call('app activates', `${server}.activateAccount`, app)
  await call('app asks for a code', 'com.atproto.identity.requestPlcOperationSignature', app)
  await call('app signs an operation', 'com.atproto.identity.signPlcOperation', app, { token: 'x' })
  await call('app reads the status of the account', `${server}.checkAccountStatus`, app, 'query')
  await call('app asks for invite codes', `${server}.getAccountInviteCodes`, app, 'query')
  await call('owner asks for invite codes', `${server}.getAccountInviteCodes`, owner, 'query')
  await call('app asks to confirm the address', `${server}.requestEmailConfirmation`, app)
  await call('owner asks to confirm the address', `${server}.requestEmailConfirmation`, owner)
  await call('app asks to delete the account', `${server}.requestAccountDelete`, app)
  await call('owner asks to delete the account', `${server}.requestAccountDelete`, owner)
  await call('signup queue', 'com.atproto.temp.checkSignupQueue', app, 'query')
  const ask = (name: string, token: string, lxm?: string) =>
    call(
      name,
      `${server}.getServiceAuth?${new URLSearchParams({ aud: 'did:web:x.example.com', ...(lxm && { lxm }) })}`,
      token,
      'query',
    )
  await ask('app asks for a token for any method', app)
  await ask('app asks for a token for uploads', app, 'com.atproto.repo.uploadBlob')
  await ask('app asks for a token for chat', app, 'chat.bsky.convo.listConvos')
  await ask('app asks for a token for createAccount', app, 'com.atproto.server.createAccount')
  await ask('privileged app asks for a token for chat', privileged, 'chat.bsky.convo.listConvos')
  await ask('privileged app asks for a token for any method', privileged)
  await ask(
    'privileged app asks for a token for createAccount',
    privileged,
    'com.atproto.server.createAccount',
  )
  await ask('privileged app asks for a protected method', privileged, 'com.atproto.server.updateEmail')

  const record = { $type: 'app.bsky.feed.post', text: 'x', createdAt: '2026-11-22T00:00:00.000Z' }
  const post = { repo: did, collection: 'app.bsky.feed.post', record }
  await call('app posts', 'com.atproto.repo.createRecord', app, post)
  const details = { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '1990-01-01T00:00:00.000Z' }
  const adult = { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }
  const put = (name: string, token: string, ...preferences: Json[]) =>
    call(name, 'app.bsky.actor.putPreferences', token, { preferences })
  const types = async (name: string, token: string) => {
    const { preferences } = await call(name, 'app.bsky.actor.getPreferences', token, 'query')
    answers[`${name}: types`] = (preferences as Json[]).map((preference) => preference.$type).join()
  }
  await put('owner puts details', owner, details, adult)
  await types('owner gets preferences', owner)
  await types('app gets preferences', app)
  await put('app puts details', app, details)
  await put('app puts another namespace', app, { $type: 'com.example.pref' })
  await put('app puts', app)
  await types('owner gets preferences again', owner)

  const refresh = (name: string, token: unknown) => call(name, `${server}.refreshSession`, String(token))
  const first = await refresh('app refreshes', session.refreshJwt)
  const again = await refresh('app refreshes again', session.refreshJwt)
  answers['same successor'] = String(claims(first.refreshJwt).jti === claims(again.refreshJwt).jti)
  answers['scope after a refresh'] = String(claims(again.accessJwt).scope)
  await refresh('app refreshes with an access token', app)
  await call('owner revokes', `${server}.revokeAppPassword`, owner, { name: 'app' })
  await call('owner revokes again', `${server}.revokeAppPassword`, owner, { name: 'app' })
  await call('app is used after its password was revoked', `${server}.getSession`, app, 'query')
  await refresh('app refreshes after its password was revoked', first.refreshJwt)
  await signIn('app signs in after its password was revoked', handle, made.password)
  return answers
}

it('are answered alike, but for what is stricter here', async () => {
  await using plc = await startPlc()
  await using reference = await startReference({ plcUrl: plc.url })
  const email = 'alice@example.com'
  await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test', env: { EMAIL: email } })
  const account = await reference.createAccount({ handle: 'bob.test', email: 'bob@example.com' })
  const theirs = await script({ ...account, url: reference.url })
  const { url, did, handle, password } = cirrus
  const ours = await script({ url, did, handle, email, password })
  const differing = Object.keys(theirs).filter((name) => ours[name] !== theirs[name])
  const unexplained = differing.filter((name) => !DIFFERENCES[name])
  expect(unexplained.map((name) => [name, ours[name], theirs[name]])).toEqual([])
  // A difference that is gone is removed from the list.
  expect(Object.keys(DIFFERENCES).filter((name) => !differing.includes(name))).toEqual([])
  expect(Object.keys(theirs)).toEqual(Object.keys(ours))
})
