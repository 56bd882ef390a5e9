// Feeds, chat, other repositories, and requests that nobody serves.
import type { Actor, Ask, Ref } from '../support/actor.ts'
import type { Services } from '../support/services.ts'
import type { Posts } from './posts.ts'

export async function feeds(actor: Actor, services: Services, posts: Posts): Promise<void> {
  const { owner, settle } = actor.side
  const rkey = 'favourites'
  const uri = `at://${owner.did}/app.bsky.feed.generator/${rkey}`
  await actor.ask('feed: publish', 'com.atproto.repo.putRecord', {
    input: {
      repo: owner.did,
      collection: 'app.bsky.feed.generator',
      rkey,
      record: {
        $type: 'app.bsky.feed.generator',
        did: services.did,
        displayName: 'Favourites',
        createdAt: new Date().toISOString(),
      },
    },
  })
  await settle()
  services.recommend(posts.text.uri, posts.images.uri)
  services.takeReceived()
  await actor.ask('feed: about', 'app.bsky.feed.getFeedGenerator', { params: { feed: uri } })
  actor.noteReceived('feed: about: what the generator received')
  await actor.ask('feed: read', 'app.bsky.feed.getFeed', { params: { feed: uri, limit: 10 } })
  actor.noteReceived('feed: read: what the generator received')
  await actor.ask('feed: unknown', 'app.bsky.feed.getFeed', { params: { feed: `${uri}x` } })
  await actor.ask('feed: without one', 'app.bsky.feed.getFeed')
  await actor.ask('feeds of an account', 'app.bsky.feed.getActorFeeds', { params: { actor: owner.did } })
}

export async function chat(actor: Actor, services: Services): Promise<void> {
  const headers = { 'atproto-proxy': `${services.did}#bsky_chat` }
  const method = 'chat.bsky.convo.listConvos'
  await actor.ask('chat', method, { params: { limit: 5 }, headers })
  actor.noteReceived('chat: what the service received')
  await actor.ask('chat: a method that it does not serve', 'chat.bsky.convo.getLog', { headers })
  const badly = (step: string, value: string) =>
    actor.ask(`proxy: ${step}`, method, { headers: { 'atproto-proxy': value } })
  await badly('no service id', services.did)
  await badly('an empty service id', `${services.did}#`)
  await badly('two service ids', `${services.did}#bsky_chat#bsky_fg`)
  await badly('a service that it does not have', `${services.did}#nothing`)
  await badly('no DID', '#bsky_chat')
  await badly('spaces', `${services.did} #bsky_chat`)
  await badly('a malformed DID', 'did:nothing#bsky_chat')
  await badly('a DID that does not resolve', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#bsky_chat')
  await actor.ask('proxy: PUT', method, { headers, verb: 'PUT' })
  await actor.ask('proxy: without a token', method, { headers, token: null })
  await actor.ask('proxy: a wrong token', method, { headers, token: 'a.b.c' })
  await actor.ask('proxy: a protected method', 'com.atproto.server.getSession', { headers })
  await actor.ask('proxy: an admin method', 'com.atproto.admin.sendEmail', {
    headers,
    input: { recipientDid: actor.side.owner.did, content: 'a', senderDid: actor.side.owner.did },
  })
  actor.noteReceived('proxy: what the service received of all that')
}

export async function otherRepositories(actor: Actor, theirs: Ref): Promise<void> {
  const { neighbour, owner } = actor.side
  const collection = 'app.bsky.feed.post'
  const rkey = theirs.uri.split('/').at(-1) ?? ''
  const get = (step: string, method: string, params: Ask['params'], token?: null) =>
    actor.ask(step, `com.atproto.repo.${method}`, { params, ...(token === null ? { token } : {}) })
  await get('own record', 'getRecord', {
    repo: owner.handle,
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
  })
  await get('own record that does not exist', 'getRecord', { repo: owner.did, collection, rkey: 'nothing' })
  await get('own records', 'listRecords', { repo: owner.did, collection: 'app.bsky.graph.follow' })
  await get('own repository', 'describeRepo', { repo: owner.did })
  await get("a neighbour's record", 'getRecord', { repo: neighbour.did, collection, rkey })
  await get(
    "a neighbour's record, without a token",
    'getRecord',
    { repo: neighbour.did, collection, rkey },
    null,
  )
  await get("a neighbour's records", 'listRecords', { repo: neighbour.did, collection })
  await get("a neighbour's repository", 'describeRepo', { repo: neighbour.did })
  await actor.ask('handle: own', 'com.atproto.identity.resolveHandle', {
    params: { handle: owner.handle },
    token: null,
  })
}

export async function mistakes(actor: Actor): Promise<void> {
  await actor.ask('unknown method', 'com.example.nothing.here')
  await actor.ask('unknown method: without a token', 'com.example.nothing.here', { token: null })
  await actor.ask('not a method', 'nothing')
  await actor.ask('timeline: without a token', 'app.bsky.feed.getTimeline', { token: null })
  await actor.ask('timeline: a wrong token', 'app.bsky.feed.getTimeline', { token: 'a.b.c' })
  await actor.ask('timeline: by POST', 'app.bsky.feed.getTimeline', { verb: 'POST' })
  await actor.ask('post: by GET', 'com.atproto.repo.createRecord', { verb: 'GET' })
}
