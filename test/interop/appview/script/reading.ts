// Meeting a neighbour, and reading what an app shows.
import type { Actor, Ask, Ref } from '../support/actor.ts'
import type { Posts } from './posts.ts'

export async function meet(actor: Actor, theirs: Ref): Promise<void> {
  const { neighbour, settle } = actor.side
  await actor.create('follow', 'app.bsky.graph.follow', { subject: neighbour.did })
  const like = await actor.create('like', 'app.bsky.feed.like', { subject: theirs })
  await actor.create('repost', 'app.bsky.feed.repost', { subject: theirs })
  await actor.create('reply', 'app.bsky.feed.post', {
    text: 'Hello neighbour',
    reply: { root: theirs, parent: theirs },
  })
  await settle()
  const params = { uri: theirs.uri }
  await actor.ask('likes of a post', 'app.bsky.feed.getLikes', { params })
  await actor.ask('reposts of a post', 'app.bsky.feed.getRepostedBy', { params })
  await actor.ask('unlike', 'com.atproto.repo.deleteRecord', {
    input: { repo: actor.side.owner.did, collection: 'app.bsky.feed.like', rkey: like.uri.split('/').at(-1) },
  })
  await settle()
  await actor.ask('likes of a post: none again', 'app.bsky.feed.getLikes', { params })
  await actor.create('like again', 'app.bsky.feed.like', { subject: theirs })
  await settle()
}

export async function read(actor: Actor, posts: Posts, theirs: Ref): Promise<void> {
  const { owner, neighbour } = actor.side
  const get = (step: string, method: string, params: Ask['params'], headers: Ask['headers'] = {}) =>
    actor.ask(step, `app.bsky.${method}`, { params, headers })
  await get('timeline', 'feed.getTimeline', { limit: 30 })
  await get('timeline: first page', 'feed.getTimeline', { limit: 2 })
  await get(
    'timeline: with labelers',
    'feed.getTimeline',
    { limit: 2 },
    {
      'atproto-accept-labelers': 'did:plc:ar7c4by46qjdydhdevvrndac;redact',
      'accept-language': 'en',
    },
  )
  await get('profile', 'actor.getProfile', { actor: owner.handle })
  await get('profile of a neighbour', 'actor.getProfile', { actor: neighbour.handle })
  await get('profiles', 'actor.getProfiles', { actors: [owner.did, neighbour.did] })
  await get('own feed', 'feed.getAuthorFeed', { actor: owner.did, limit: 30 })
  await get('own feed: with media', 'feed.getAuthorFeed', { actor: owner.did, filter: 'posts_with_media' })
  await get('feed of a neighbour', 'feed.getAuthorFeed', { actor: neighbour.did })
  await get('own likes', 'feed.getActorLikes', { actor: owner.did })
  await get('thread', 'feed.getPostThread', { uri: theirs.uri, depth: 6 })
  await get('thread of an own post', 'feed.getPostThread', { uri: posts.text.uri })
  await get('thread, version 2', 'unspecced.getPostThreadV2', { anchor: theirs.uri })
  await get('posts', 'feed.getPosts', { uris: [posts.text.uri, posts.images.uri, theirs.uri] })
  await get('quotes', 'feed.getQuotes', { uri: posts.text.uri })
  await get('follows', 'graph.getFollows', { actor: owner.did })
  await get('followers', 'graph.getFollowers', { actor: neighbour.did })
  await get('known followers', 'graph.getKnownFollowers', { actor: neighbour.did })
  await get('relationships', 'graph.getRelationships', { actor: owner.did, others: [neighbour.did] })
  await get('profile of an unknown account', 'actor.getProfile', { actor: 'nobody.example.com' })
  await get('thread that does not exist', 'feed.getPostThread', { uri: `${theirs.uri}x` })
  await get('feed of an unknown account', 'feed.getAuthorFeed', { actor: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' })
  await get('limit out of range', 'feed.getTimeline', { limit: 1000 })
  await get('parameter missing', 'feed.getAuthorFeed', {})
  await get('age assurance', 'ageassurance.getState', { countryCode: 'DE' })
  await get('configuration', 'unspecced.getConfig', {})
  await get('labelers', 'labeler.getServices', { dids: ['did:plc:ar7c4by46qjdydhdevvrndac'] })
  await get('suggested accounts', 'actor.getSuggestions', { limit: 5 })
  await get('starter packs', 'graph.getActorStarterPacks', { actor: owner.did })
}

export async function notifications(actor: Actor, posts: Posts): Promise<void> {
  const { neighbour, owner, settle } = actor.side
  const { agent } = neighbour
  await agent.follow(owner.did)
  await agent.like(posts.text.uri, posts.text.cid)
  await agent.post({ text: 'Welcome!', reply: { root: posts.text, parent: posts.text } })
  await settle()
  const method = (name: string) => `app.bsky.notification.${name}`
  await actor.ask('notifications', method('listNotifications'), { params: { limit: 30 } })
  await actor.ask('notifications: unread', method('getUnreadCount'))
  await actor.ask('notifications: seen', method('updateSeen'), {
    input: { seenAt: new Date().toISOString() },
  })
  await settle()
  await actor.ask('notifications: none unread', method('getUnreadCount'))
  await actor.ask('notifications: preferences', method('getPreferences'))
  await actor.ask('notifications: change a preference', method('putPreferencesV2'), {
    input: { like: { include: 'follows', list: true, push: false } },
  })
  await settle()
  await actor.ask('notifications: changed preferences', method('getPreferences'))
  await actor.ask('notifications: push to the AppView', method('registerPush'), {
    input: {
      serviceDid: appviewOf(actor),
      token: 'a push token',
      platform: 'ios',
      appId: 'xyz.blueskyweb.app',
    },
  })
  await actor.ask('notifications: push to an unknown service', method('registerPush'), {
    input: {
      serviceDid: 'did:web:localhost',
      token: 'a push token',
      platform: 'ios',
      appId: 'xyz.blueskyweb.app',
    },
  })
  await actor.ask('thread with a reply', 'app.bsky.feed.getPostThread', { params: { uri: posts.text.uri } })
}

/** The name that stands for the AppView's DID, looked up the other way round. */
const appviewOf = ({ side }: Actor): string =>
  [...side.names].find(([, stands]) => stands === '<appview did>')?.[0] ?? ''

export async function search(actor: Actor): Promise<void> {
  const { neighbour, word } = actor.side
  const [q = ''] = neighbour.handle.split('.')
  await actor.ask('search people', 'app.bsky.actor.searchActors', { params: { q } })
  await actor.ask('search people while typing', 'app.bsky.actor.searchActorsTypeahead', {
    params: { q },
  })
  await actor.ask('search posts', 'app.bsky.feed.searchPosts', { params: { q: word } })
}
