// Signing in and out, settings, and what an account holder asks of the server itself.
import { at, type Actor, type Ask } from '../support/actor.ts'

export async function signIn(actor: Actor): Promise<void> {
  const { owner } = actor.side
  const method = 'com.atproto.server.createSession'
  const { password } = owner
  const refuse = (step: string, input: object) => actor.ask(step, method, { token: null, input })
  await refuse('sign in: wrong password', { identifier: owner.handle, password: 'not this' })
  await refuse('sign in: unknown account', { identifier: 'nobody.test', password })
  await refuse('sign in: no password', { identifier: owner.handle })
  for (const [how, identifier] of [
    ['handle', owner.handle],
    ['DID', owner.did],
    ['@handle in capitals', `@${owner.handle.toUpperCase()}`],
    ['e-mail', owner.email],
  ] as const) {
    const { body } = await actor.ask(`sign in: by ${how}`, method, {
      token: null,
      input: { identifier, password },
    })
    if (how === 'handle') actor.signedIn = String(at(body, 'accessJwt'))
    if (how === 'e-mail') await refreshed(actor, String(at(body, 'refreshJwt')))
  }
  await actor.ask('session', 'com.atproto.server.getSession')
  await actor.ask('session: without a token', 'com.atproto.server.getSession', { token: null })
}

async function refreshed(actor: Actor, token: string): Promise<void> {
  const method = 'com.atproto.server.refreshSession'
  await actor.ask('refresh: the access token', method, { verb: 'POST', token: actor.signedIn })
  const { body } = await actor.ask('refresh', method, { verb: 'POST', token })
  await actor.ask('refresh: again, in another tab', method, { verb: 'POST', token })
  await actor.ask('sign out the other session', 'com.atproto.server.deleteSession', {
    verb: 'POST',
    token: String(at(body, 'refreshJwt')),
  })
}

export async function settings(actor: Actor): Promise<void> {
  const get = (step: string) => actor.ask(step, 'app.bsky.actor.getPreferences')
  const put = (step: string, preferences: object[]) =>
    actor.ask(step, 'app.bsky.actor.putPreferences', { input: { preferences } })
  await get('preferences: none yet')
  await put('preferences: put', [
    { $type: 'app.bsky.actor.defs#adultContentPref', enabled: false },
    { $type: 'app.bsky.actor.defs#threadViewPref', sort: 'newest' },
    { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '1990-01-01T00:00:00.000Z' },
    {
      $type: 'app.bsky.actor.defs#savedFeedsPrefV2',
      items: [{ id: 'a', type: 'timeline', value: 'following', pinned: true }],
    },
  ])
  await get('preferences: what was put')
  await put('preferences: of another namespace', [{ $type: 'com.example.defs#pref', enabled: false }])
  await put('preferences: without a type', [{ enabled: false }])
  await get('preferences: what was put stays')
}

export async function account(actor: Actor): Promise<void> {
  const { owner } = actor.side
  const server = (step: string, name: string, ask?: Ask) => actor.ask(step, `com.atproto.server.${name}`, ask)
  await server('account: status', 'checkAccountStatus')
  await server('account: invite codes', 'getAccountInviteCodes')
  await server('account: token for a service', 'getServiceAuth', {
    params: { aud: 'did:web:api.bsky.app', lxm: 'app.bsky.feed.getTimeline' },
  })
  await server('account: token for a protected method', 'getServiceAuth', {
    params: { aud: 'did:web:api.bsky.app', lxm: 'com.atproto.server.createAppPassword' },
  })
  await actor.ask('handle: the same again', 'com.atproto.identity.updateHandle', {
    input: { handle: owner.handle },
  })
  await actor.ask('handle: malformed', 'com.atproto.identity.updateHandle', { input: { handle: 'a_b.test' } })
}

export async function signOut(actor: Actor): Promise<void> {
  const { owner } = actor.side
  const { body } = await actor.ask('sign in to sign out', 'com.atproto.server.createSession', {
    token: null,
    input: { identifier: owner.did, password: owner.password },
  })
  const token = String(at(body, 'refreshJwt'))
  const out = (step: string, ask: Ask) =>
    actor.ask(step, 'com.atproto.server.deleteSession', { verb: 'POST', ...ask })
  await out('sign out: with the access token', { token: String(at(body, 'accessJwt')) })
  await out('sign out', { token })
  await actor.ask('sign out: refresh afterwards', 'com.atproto.server.refreshSession', {
    verb: 'POST',
    token,
  })
  await actor.ask('sign out: the access token afterwards', 'com.atproto.server.getSession', {
    token: String(at(body, 'accessJwt')),
  })
}
