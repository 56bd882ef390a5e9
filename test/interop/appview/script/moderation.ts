// Lists, mutes, blocks and reports.
import type { Actor, Ref } from '../support/actor.ts'
import type { Services } from '../support/services.ts'

export async function lists(actor: Actor): Promise<void> {
  const { neighbour, owner, settle } = actor.side
  const list = await actor.create('list', 'app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#curatelist',
    name: 'Neighbours',
  })
  await actor.create('list: an entry', 'app.bsky.graph.listitem', { list: list.uri, subject: neighbour.did })
  const mod = await actor.create('moderation list', 'app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#modlist',
    name: 'Noise',
  })
  await settle()
  const input = { list: mod.uri }
  await actor.ask('lists', 'app.bsky.graph.getLists', { params: { actor: owner.did } })
  await actor.ask('list: read', 'app.bsky.graph.getList', { params: { list: list.uri } })
  await actor.ask('list: feed', 'app.bsky.feed.getListFeed', { params: { list: list.uri } })
  await actor.ask('mute a list', 'app.bsky.graph.muteActorList', { input })
  await settle()
  await actor.ask('muted lists', 'app.bsky.graph.getListMutes')
  await actor.ask('unmute a list', 'app.bsky.graph.unmuteActorList', { input })
  await actor.create('block a list', 'app.bsky.graph.listblock', { subject: mod.uri })
  await settle()
  await actor.ask('blocked lists', 'app.bsky.graph.getListBlocks')
}

export async function muteAndBlock(actor: Actor, theirs: Ref): Promise<void> {
  const { neighbour, owner, settle } = actor.side
  const profileOf = (step: string) =>
    actor.ask(step, 'app.bsky.actor.getProfile', { params: { actor: neighbour.did } })
  const input = { actor: neighbour.did }
  await actor.ask('mute', 'app.bsky.graph.muteActor', { input })
  await settle()
  await actor.ask('mutes', 'app.bsky.graph.getMutes')
  await profileOf('profile of a muted neighbour')
  await actor.ask('unmute', 'app.bsky.graph.unmuteActor', { input })
  await actor.ask('mute a thread', 'app.bsky.graph.muteThread', { input: { root: theirs.uri } })
  await settle()
  await actor.ask('mutes: none again', 'app.bsky.graph.getMutes')
  await actor.ask('unmute a thread', 'app.bsky.graph.unmuteThread', { input: { root: theirs.uri } })
  await actor.ask('bookmark', 'app.bsky.bookmark.createBookmark', { input: theirs })
  await settle()
  await actor.ask('bookmarks', 'app.bsky.bookmark.getBookmarks')
  const block = await actor.create('block', 'app.bsky.graph.block', { subject: neighbour.did })
  await settle()
  await actor.ask('blocks', 'app.bsky.graph.getBlocks')
  await profileOf('profile of a blocked neighbour')
  await actor.ask('feed of a blocked neighbour', 'app.bsky.feed.getAuthorFeed', {
    params: { actor: neighbour.did },
  })
  await actor.ask('thread of a blocked neighbour', 'app.bsky.feed.getPostThread', {
    params: { uri: theirs.uri },
  })
  await actor.ask('unblock', 'com.atproto.repo.deleteRecord', {
    input: { repo: owner.did, collection: 'app.bsky.graph.block', rkey: block.uri.split('/').at(-1) },
  })
  await settle()
  await profileOf('profile of an unblocked neighbour')
}

export async function report(actor: Actor, services: Services, theirs: Ref): Promise<void> {
  const method = 'com.atproto.moderation.createReport'
  const input = {
    reasonType: 'com.atproto.moderation.defs#reasonSpam',
    subject: { $type: 'com.atproto.repo.strongRef', ...theirs },
    reason: 'unwanted',
  }
  services.takeReceived()
  await actor.ask('report', method, { input })
  actor.noteReceived('report: what the moderation service received')
  const headers = {
    'atproto-proxy': `${services.did}#atproto_labeler`,
    'atproto-accept-labelers': 'did:plc:ar7c4by46qjdydhdevvrndac',
    'accept-language': 'de',
    'x-bsky-topics': 'cats',
    'x-atproto-trace': '1',
    'x-private': '1',
    cookie: 'a=b',
    dpop: 'a.b.c',
  }
  await actor.ask('report to a chosen service', method, { input, headers })
  actor.noteReceived('report to a chosen service: what it received')
  await actor.ask('report: without a token', method, { input, token: null })
  await actor.ask('moderation tool', 'tools.ozone.moderation.queryStatuses')
  actor.noteReceived('moderation tool: what the service received')
}
