import { at, type Actor, type Answered, type Ask } from '../support/actor.ts'
import type { Services } from '../support/services.ts'

export async function appPasswords(actor: Actor, services: Services): Promise<void> {
  const { owner, neighbour } = actor.side
  const server = (step: string, name: string, ask?: Ask) => actor.ask(step, `com.atproto.server.${name}`, ask)
  const created = await server('app password: create', 'createAppPassword', { input: { name: 'phone' } })
  const privileged = await server('app password: create a privileged one', 'createAppPassword', {
    input: { name: 'chat', privileged: true },
  })
  await server('app password: a name that is taken', 'createAppPassword', { input: { name: 'phone' } })
  await server('app password: list', 'listAppPasswords')
  const sessionBy = async (step: string, { body }: Answered): Promise<string> => {
    const password = String(at(body, 'password'))
    const session = await server(step, 'createSession', {
      token: null,
      input: { identifier: owner.handle, password },
    })
    return String(at(session.body, 'accessJwt'))
  }
  const token = await sessionBy('app password: sign in', created)
  const high = await sessionBy('app password: sign in with the privileged one', privileged)
  await server('app password: session', 'getSession', { token })
  const post = { $type: 'app.bsky.feed.post', text: 'By an app', createdAt: new Date().toISOString() }
  await actor.ask('app password: post', 'com.atproto.repo.createRecord', {
    token,
    input: { repo: owner.did, collection: 'app.bsky.feed.post', record: post },
  })
  await actor.side.settle()
  await actor.ask('app password: timeline', 'app.bsky.feed.getTimeline', { token, params: { limit: 1 } })
  await actor.ask('app password: profile', 'app.bsky.actor.getProfile', {
    token,
    params: { actor: neighbour.did },
  })
  await actor.ask('app password: preferences', 'app.bsky.actor.getPreferences', { token })
  await actor.ask('app password: put a birth date', 'app.bsky.actor.putPreferences', {
    token,
    input: {
      preferences: [
        { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '2000-01-01T00:00:00.000Z' },
      ],
    },
  })
  const headers = { 'atproto-proxy': `${services.did}#bsky_chat` }
  await actor.ask('app password: chat', 'chat.bsky.convo.listConvos', { token, headers })
  await actor.ask('privileged app password: chat', 'chat.bsky.convo.listConvos', { token: high, headers })
  actor.noteReceived('app password: what chat received')
  const forbidden = (name: string, ask: Ask) =>
    server(`app password: may not ${name}`, name, { token, ...ask })
  await forbidden('createAppPassword', { input: { name: 'another' } })
  await forbidden('deactivateAccount', { input: {} })
  await forbidden('getServiceAuth', {
    params: { aud: 'did:web:example.com', lxm: 'com.atproto.server.createAccount' },
  })
  await actor.ask('app password: may not sign for the identity', 'com.atproto.identity.signPlcOperation', {
    token,
    input: {},
  })
  await actor.ask('app password: may not ask to', 'com.atproto.identity.requestPlcOperationSignature', {
    token,
    verb: 'POST',
  })
  await server('app password: revoke', 'revokeAppPassword', { input: { name: 'phone' } })
  await sessionBy('app password: sign in with a revoked one', created)
  await server('app password: the session of a revoked one', 'getSession', { token })
  await server('app password: revoke one that is not there', 'revokeAppPassword', {
    input: { name: 'phone' },
  })
  await server('app password: list what is left', 'listAppPasswords')
}
