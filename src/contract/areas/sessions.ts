import { isObject, type JsonObject } from '../../isObject.ts'
import type { Answer, Ask, Asking } from '../ask.ts'
import { createRule } from '../createRule.ts'
import type { Area, Credentials, Run } from '../types.ts'
import { inText } from '../inText.ts'

const rule = createRule('session', ['source', 'daily'])

const CREATE = 'com.atproto.server.createSession'
const GET = 'com.atproto.server.getSession'
const REFRESH = 'com.atproto.server.refreshSession'
const DELETE = 'com.atproto.server.deleteSession'

const opens = rule('opens', 'must', 'The right password opens a session.', `lexicon ${CREATE}`)
const byDid = rule(
  'by-did',
  'should',
  'One can sign in with the DID as well.',
  `lexicon ${CREATE}: identifier is a handle or another identifier`,
)
const same = rule(
  'same-account',
  'must',
  'getSession tells the DID and handle of the account that signed in.',
  `lexicon ${GET}`,
)
const refreshes = rule(
  'refreshes',
  'must',
  'A refresh token gives new tokens, and the new access token works.',
  `lexicon ${REFRESH}`,
)
const grace = rule(
  'refresh-grace',
  'should',
  'A refresh token that was just used works once more, so that a lost answer signs nobody out.',
  '@atproto/api: two tabs of an app refresh with the same token, and an answer may be lost; the reference allows two hours',
)
const purpose = rule(
  'purpose',
  'must',
  'A refresh token does not open other methods, and an access token does not refresh.',
  'https://atproto.com/specs/xrpc#authentication: access and refresh tokens are used for different things',
)
const ends = rule('ends', 'must', 'A session that was ended cannot be refreshed.', `lexicon ${DELETE}`)
const endsAtOnce = rule(
  'ends-at-once',
  'house',
  'The access token of a session that was ended is refused at once.',
  'Cirrus looks each access token up, so that a lost phone is shut out at once',
)
const apart = rule(
  'apart',
  'must',
  'Ending one session leaves the others.',
  `lexicon ${DELETE}: deletes the current session`,
)
const wrongPassword = rule(
  'wrong-password',
  'must',
  'A wrong password is refused, in the same words as a name that nobody has.',
  `lexicon ${CREATE}`,
)

interface Opened {
  readonly did: string
  readonly handle: string
  readonly access: string
  readonly refresh: string
}

const bearer = (token: string): Ask => ({ headers: { authorization: `Bearer ${token}` } })
const refreshWith = (ask: Asking, token: string) => ask(REFRESH, { verb: 'POST', ...bearer(token) })
const isRefused = ({ status }: Answer): boolean => status >= 400 && status < 500
const mustBeRefused = (what: string, answer: Answer): string | undefined =>
  isRefused(answer) ? undefined : `${what}: ${answer.status}`

function read(run: Run, { status, error, json }: Answer): Opened {
  if (status !== 200 || !isObject(json)) throw new Error(`${status} ${error ?? ''}`)
  const text = (name: string): string => {
    const value = json[name]
    if (typeof value !== 'string' || value === '') throw new Error(`no ${name} in the answer`)
    return value
  }
  const opened = {
    did: text('did'),
    handle: text('handle'),
    access: text('accessJwt'),
    refresh: text('refreshJwt'),
  }
  run.hide(opened.access)
  run.hide(opened.refresh)
  return opened
}

const signIn = (ask: Asking, body: JsonObject): Promise<Answer> =>
  ask(CREATE, {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

/** A session of the area's own, ended at the end of the run if nothing else ends it. */
async function open(run: Run, ask: Asking, { identifier, password }: Credentials): Promise<Opened> {
  const opened = read(run, await signIn(ask, { identifier, password }))
  run.made('a session', async () => {
    const answer = await run.ask(DELETE, { verb: 'POST', ...bearer(opened.refresh) })
    if (answer.status >= 500) throw new Error(`deleteSession: ${answer.status}`)
  })
  return opened
}

async function checkTokens(run: Run, { access, refresh, did, handle }: Opened): Promise<Opened | undefined> {
  await run.expect(
    same,
    { subject: GET, case: 'after signing in', expected: `${did}, ${handle}` },
    async (ask) => {
      const { json } = await ask(GET, bearer(access))
      const got = isObject(json) ? `${inText(json['did'])}, ${inText(json['handle'])}` : 'no object'
      return got === `${did}, ${handle}` ? undefined : got
    },
  )
  await run.expect(purpose, { subject: GET, case: 'with the refresh token' }, async (ask) =>
    mustBeRefused('it was let in', await ask(GET, bearer(refresh))),
  )
  await run.expect(purpose, { subject: REFRESH, case: 'with the access token' }, async (ask) =>
    mustBeRefused('it was let in', await refreshWith(ask, access)),
  )
  let next: Opened | undefined
  await run.expect(refreshes, { subject: REFRESH, case: 'with the refresh token' }, async (ask) => {
    next = read(run, await refreshWith(ask, refresh))
    const answer = await ask(GET, bearer(next.access))
    return answer.status === 200 ? undefined : `the new access token: ${answer.status}`
  })
  await run.expect(grace, { subject: REFRESH, case: 'with the same token again' }, async (ask) => {
    const answer = await refreshWith(ask, refresh)
    if (answer.status !== 200) return `${answer.status} ${answer.error ?? ''}`
    next = read(run, answer)
    return undefined
  })
  return next
}

async function checkEnd(run: Run, first: Opened, second: Opened): Promise<void> {
  await run.expect(ends, { subject: DELETE, case: 'and refreshing afterwards' }, async (ask) => {
    const ended = await ask(DELETE, { verb: 'POST', ...bearer(first.refresh) })
    if (ended.status !== 200) return `deleteSession: ${ended.status}`
    return mustBeRefused('it refreshes', await refreshWith(ask, first.refresh))
  })
  await run.expect(endsAtOnce, { subject: GET, case: 'after the session ended' }, async (ask) =>
    mustBeRefused('it is still open', await ask(GET, bearer(first.access))),
  )
  await run.expect(apart, { subject: GET, case: 'with another session' }, async (ask) => {
    const { status } = await ask(GET, bearer(second.access))
    return status === 200 ? undefined : `${status}`
  })
}

/** What a wrong password and an unknown name are told, for one to compare. */
const told = ({ status, error, json }: Answer): string =>
  `${status} ${error ?? ''}: ${isObject(json) ? inText(json['message']) : ''}`

async function checkPassword(run: Run, { identifier }: Credentials): Promise<void> {
  await run.expect(wrongPassword, { subject: CREATE, case: 'of this account and of nobody' }, async (ask) => {
    const password = 'this-is-not-it'
    const wrong = await signIn(ask, { identifier, password })
    const nobody = await signIn(ask, { identifier: 'nobody-has-this.example.invalid', password })
    if (!isRefused(wrong)) return `${wrong.status}`
    return told(wrong) === told(nobody) ? undefined : `"${told(wrong)}" and "${told(nobody)}"`
  })
}

/** Signing in, staying signed in, and signing out. Needs the password of an account. */
export const sessions: Area = {
  name: 'sessions',
  rules: [opens, byDid, same, refreshes, grace, purpose, ends, endsAtOnce, apart, wrongPassword],
  async check(run) {
    const { credentials } = run
    if (!credentials || !run.serves(CREATE)) return
    let first: Opened | undefined
    await run.expect(opens, { subject: CREATE, case: 'with the identifier' }, async (ask) => {
      first = await open(run, ask, credentials)
      return undefined
    })
    if (!first) return
    const { did } = first
    let second: Opened | undefined
    await run.expect(byDid, { subject: CREATE, case: 'with the DID' }, async (ask) => {
      second = await open(run, ask, { ...credentials, identifier: did })
      return undefined
    })
    const latest = await checkTokens(run, first)
    if (latest && second) await checkEnd(run, latest, second)
    await checkPassword(run, credentials)
  },
}
