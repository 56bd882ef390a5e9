// The six reads of an app, just after the owner has written and before the AppView has indexed it.
import { lexicons } from '@atproto/api'

import { png } from '../../../../dev/png.ts'
import { at, type Actor, type Ask, type Ref } from '../support/actor.ts'
import type { AppView } from '../support/appview.ts'
import { neighbourPosts } from './posts.ts'

/** An account that the AppView knows, with a neighbour that it follows and a post of each. */
export async function settleIn(actor: Actor): Promise<{ own: Ref; theirs: Ref }> {
  await actor.signIn()
  await putProfile(actor, 'before: profile', { displayName: 'Alice before' })
  const theirs = await neighbourPosts(actor)
  await actor.create('before: follow', 'app.bsky.graph.follow', { subject: actor.side.neighbour.did })
  const own = await post(actor, 'before: post', { text: 'An old post' })
  await actor.create('before: like', 'app.bsky.feed.like', { subject: theirs })
  await actor.side.settle()
  return { own, theirs }
}

export async function readAfterWrite(actor: Actor, appview: AppView): Promise<void> {
  const { own, theirs } = await settleIn(actor)
  await reads(actor, 'nothing new', { own, theirs })
  await appview.pause()
  try {
    const avatar = await actor.upload('write: upload an avatar', png(4), 'image/png')
    await putProfile(actor, 'write: profile', {
      displayName: 'Alice now',
      description: 'Just moved in.',
      avatar,
    })
    await reads(actor, 'a new profile', { own, theirs })
    const written = await write(actor, own, theirs)
    await reads(actor, 'new posts', { own, theirs, ...written })
    await remove(actor, 'write: delete a post again', written.media)
    await reads(actor, 'a deleted post', { own, theirs, media: written.media })
  } finally {
    await appview.resume()
  }
  await actor.side.settle()
  await reads(actor, 'indexed', { own, theirs })
}

/** More than what is looked at: which of them are shown? */
export async function manyPosts(actor: Actor, appview: AppView): Promise<void> {
  await settleIn(actor)
  await appview.pause()
  try {
    for (let n = 1; n <= 14; n++) await post(actor, `write: post ${n}`, { text: `New post ${n}` })
    await read(actor, 'timeline', 'app.bsky.feed.getTimeline', { limit: 30 })
  } finally {
    await appview.resume()
  }
}

/** The first thing that a new account does: the AppView has no revision of it yet. */
export async function firstPost(actor: Actor, appview: AppView): Promise<void> {
  await actor.signIn()
  await actor.side.settle()
  await appview.pause()
  try {
    await putProfile(actor, 'write: first profile', { displayName: 'Alice is here' })
    await post(actor, 'write: first post', { text: 'Hello' })
    await read(actor, 'timeline', 'app.bsky.feed.getTimeline', {})
    await read(actor, 'own feed', 'app.bsky.feed.getAuthorFeed', { actor: actor.side.owner.did })
    await read(actor, 'profile', 'app.bsky.actor.getProfile', { actor: actor.side.owner.did })
  } finally {
    await appview.resume()
  }
}

const post = (actor: Actor, step: string, record: object): Promise<Ref> =>
  actor.create(step, 'app.bsky.feed.post', record)

const putProfile = (actor: Actor, step: string, record: object) =>
  actor.ask(step, 'com.atproto.repo.putRecord', {
    input: {
      repo: actor.side.owner.did,
      collection: 'app.bsky.actor.profile',
      rkey: 'self',
      record: { $type: 'app.bsky.actor.profile', ...record },
    },
  })

const remove = (actor: Actor, step: string, { uri }: Ref) => {
  const [, , repo, collection, rkey] = uri.split('/')
  return actor.ask(step, 'com.atproto.repo.deleteRecord', { input: { repo, collection, rkey } })
}

interface Written {
  readonly text: Ref
  readonly media: Ref
  readonly reply: Ref
}

/** One post of each kind that has a view of its own. */
async function write(actor: Actor, own: Ref, theirs: Ref): Promise<Written> {
  const text = await post(actor, 'write: text', { text: 'A new post', langs: ['en'], tags: ['new'] })
  const image = await actor.upload('write: upload an image', png(5), 'image/png')
  const images = { $type: 'app.bsky.embed.images', images: [{ image, alt: 'noise' }] }
  await post(actor, 'write: images', { text: 'A picture', embed: images })
  const media = await post(actor, 'write: quote with a picture', {
    text: 'See the picture',
    embed: { $type: 'app.bsky.embed.recordWithMedia', record: { record: own }, media: images },
  })
  const card = { uri: 'https://example.com/', title: 'Example', description: 'An example', thumb: image }
  await post(actor, 'write: link card', {
    text: 'A link',
    embed: { $type: 'app.bsky.embed.external', external: card },
  })
  await post(actor, 'write: quote', {
    text: 'Says who?',
    embed: { $type: 'app.bsky.embed.record', record: theirs },
  })
  const reply = await post(actor, 'write: reply', {
    text: 'A reply',
    reply: { root: theirs, parent: theirs },
  })
  await post(actor, 'write: reply to it', { text: 'And another', reply: { root: theirs, parent: reply } })
  await post(actor, 'write: reply to an own post', {
    text: 'By the way',
    reply: { root: text, parent: text },
  })
  await actor.create('write: like', 'app.bsky.feed.like', { subject: own })
  return { text, media, reply }
}

/** The six, and what of them matters when the account has written. */
async function reads(actor: Actor, when: string, posts: Readonly<Record<string, Ref>>): Promise<void> {
  const { owner, neighbour } = actor.side
  const get = (what: string, method: string, params: Ask['params']) =>
    read(actor, `${when}: ${what}`, `app.bsky.${method}`, params)
  await get('profile', 'actor.getProfile', { actor: owner.did })
  await get('profile by handle', 'actor.getProfile', { actor: owner.handle })
  await get('profile of a neighbour', 'actor.getProfile', { actor: neighbour.did })
  await get('profiles', 'actor.getProfiles', { actors: [neighbour.did, owner.did] })
  await get('timeline', 'feed.getTimeline', { limit: 30 })
  await get('own feed', 'feed.getAuthorFeed', { actor: owner.did, limit: 30 })
  await get('own feed by handle', 'feed.getAuthorFeed', { actor: owner.handle })
  await get('own feed without replies', 'feed.getAuthorFeed', {
    actor: owner.did,
    filter: 'posts_no_replies',
  })
  await get('own feed, pictures', 'feed.getAuthorFeed', { actor: owner.did, filter: 'posts_with_media' })
  await get('feed of a neighbour', 'feed.getAuthorFeed', { actor: neighbour.did })
  await get('likes', 'feed.getActorLikes', { actor: owner.did })
  for (const [name, { uri }] of Object.entries(posts))
    await get(`thread of ${name}`, 'feed.getPostThread', { uri, depth: 6 })
}

/** What is built here must be what the lexicon says, or an app stumbles over it. */
async function read(actor: Actor, step: string, method: string, params: Ask['params']): Promise<void> {
  const { status, body } = await actor.ask(step, method, { params })
  if (status !== 200) return
  const valid = lexicons.assertValidXrpcOutput(method, body)
  if (at(valid) === undefined) throw new Error(`${step}: ${method} answered nothing`)
}
