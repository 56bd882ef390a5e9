/** The same changes of the handle asked of Cirrus and of the reference PDS: the same answers, but for those that are listed. */
import { expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { startPlc } from '../support/plc.ts'
import { startReference } from './support/reference.ts'

interface Owner {
  url: string
  did: string
  handle: string
  password: string
  /** Makes a name resolve to a DID, or to nothing. */
  publish(handle: string, did: string): Promise<void> | void
}

type Json = Record<string, unknown>

/** The domain under which the reference gives out handles. Here no handle is given out. */
const SERVICE_DOMAIN = 'handles.example.org'
const TAKEN = `carol.${SERVICE_DOMAIN}`
const OTHER_DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

/** Where the two differ, and why. */
const DIFFERENCES: Record<string, string> = {
  'a handle that another account has': 'a taken handle is one that resolves to another account',
  'too short for the service domain':
    'there is no service domain: the handle does not resolve to the account',
  'too long for the service domain': 'the same',
  'with a dot below the service domain': 'the same',
  'reserved below the service domain': 'the same',
  'by an app password': 'an app changes nothing about the account',
  'while deactivated': 'a deactivated account changes nothing: its handle is for the server that it moves to',
}

/** Calls, and what each was answered: the status, and the error or the names of what was in it. */
const script = async ({ url, did, handle, password, publish }: Owner): Promise<Record<string, string>> => {
  const answers: Record<string, string> = {}
  const call = async (method: string, token: string | undefined, input: Json | 'query'): Promise<Json> => {
    const answer = await fetch(`${url}/xrpc/${method}`, {
      method: input === 'query' ? 'GET' : 'POST',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(input !== 'query' && { 'content-type': 'application/json' }),
      },
      ...(input !== 'query' && { body: JSON.stringify(input) }),
    })
    const text = await answer.text()
    return { status: answer.status, ...(text === '' ? {} : (JSON.parse(text) as Json)) }
  }
  const signIn = async (secret: unknown): Promise<string> =>
    String(
      (await call('com.atproto.server.createSession', undefined, { identifier: did, password: secret }))
        .accessJwt,
    )
  const owner = await signIn(password)
  const update = async (name: string, input: Json, token: string | undefined = owner) => {
    const { status, error } = await call('com.atproto.identity.updateHandle', token, input)
    answers[name] = [status, error].filter(Boolean).join(' ')
  }

  await update('without a session', { handle }, '')
  await update('the same again', { handle })
  await update('the same in capitals', { handle: handle.toUpperCase() })
  await update('no handle', {})
  await update('a number', { handle: 1 })
  for (const wrong of [
    '',
    'name',
    'under_score.example.org',
    'spa ce.example.org',
    'ümlaut.example.org',
    '-hyphen.example.org',
    'hyphen-.example.org',
    'dots..example.org',
    '.example.org',
    'example.org.',
    'example.1org',
    '@name.example.org',
    'at://name.example.org',
    'did:web:example.org',
    '127.0.0.1',
    `${'a'.repeat(64)}.example.org`,
    `${'a.'.repeat(130)}org`,
  ])
    await update(`invalid: ${wrong.slice(0, 30)}`, { handle: wrong })
  for (const ending of ['invalid', 'local', 'localhost', 'onion', 'internal', 'arpa', 'example', 'alt'])
    await update(`reserved ending: ${ending}`, { handle: `name.${ending}` })

  await publish('nobody.example.org', '')
  await update('does not resolve', { handle: 'nobody.example.org' })
  await publish('other.example.org', OTHER_DID)
  await update('resolves to another account', { handle: 'other.example.org' })
  await update('a handle that another account has', { handle: TAKEN })
  for (const [name, front] of Object.entries({
    'too short for the service domain': 'ab',
    'too long for the service domain': 'a'.repeat(19),
    'with a dot below the service domain': 'a.bcd',
    'reserved below the service domain': 'admin',
  })) {
    await publish(`${front}.${SERVICE_DOMAIN}`, '')
    await update(name, { handle: `${front}.${SERVICE_DOMAIN}` })
  }
  const unchanged = await call('com.atproto.server.getSession', owner, 'query')
  answers['nothing has changed'] = String(unchanged.handle === handle)

  const app = await call('com.atproto.server.createAppPassword', owner, { name: 'app' })
  await update('by an app password', { handle }, await signIn(app.password))

  const taken = 'new.example.org'
  await publish(taken, did)
  await update('a new one', { handle: 'NEW.example.org' })
  const read = async (name: string, method: string, token: string | undefined, member: string) =>
    (answers[name] = JSON.stringify((await call(method, token, 'query'))[member]))
  await read('the session has it', 'com.atproto.server.getSession', owner, 'handle')
  await read('describeRepo has it', `com.atproto.repo.describeRepo?repo=${did}`, undefined, 'handle')
  const resolved = await call(`com.atproto.identity.resolveHandle?handle=${taken}`, undefined, 'query')
  answers['resolveHandle has it'] = String(resolved.did === did)
  await read('the DID has it', 'com.atproto.identity.getRecommendedDidCredentials', owner, 'alsoKnownAs')

  await call('com.atproto.server.deactivateAccount', owner, {})
  await update('while deactivated', { handle: taken })
  return answers
}

it('are answered alike, but for handles that nobody gives out here', async () => {
  await using plc = await startPlc()
  const dns = new Map<string, string>()
  const network = async (request: Request): Promise<Response> => {
    const url = new URL(request.url)
    if (url.hostname === 'localhost') return await fetch(request)
    const name = url.searchParams.get('name')?.replace(/^_atproto\./, '')
    if (url.hostname !== 'cloudflare-dns.com' || name === undefined) return new Response('', { status: 404 })
    const did = dns.get(name)
    return Response.json(
      did ? { Status: 0, Answer: [{ name, type: 16, data: `"did=${did}"` }] } : { Status: 3 },
    )
  }
  await using reference = await startReference({
    plcUrl: plc.url,
    env: { serviceHandleDomains: ['.test', `.${SERVICE_DOMAIN}`] },
  })
  await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test', network })
  const account = await reference.createAccount({ handle: 'bob.test' })
  const carol = await reference.createAccount({ handle: TAKEN })
  dns.set(TAKEN, carol.did)

  const theirs = await script({ ...account, url: reference.url, publish: reference.setHandle })
  const { url, did, handle, password } = cirrus
  const ours = await script({
    ...{ url, did, handle, password },
    publish: (name, target) => void dns.set(name, target),
  })
  const differing = Object.keys(theirs).filter((name) => ours[name] !== theirs[name])
  const unexplained = differing.filter((name) => !DIFFERENCES[name])
  expect(unexplained.map((name) => [name, ours[name], theirs[name]])).toEqual([])
  // A difference that is gone is removed from the list.
  expect(Object.keys(DIFFERENCES).filter((name) => !differing.includes(name))).toEqual([])
  expect(ours['a new one']).toBe('200')
  expect(Object.keys(theirs)).toEqual(Object.keys(ours))
})
