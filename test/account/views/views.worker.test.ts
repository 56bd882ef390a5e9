import { describe, expect, it } from 'vitest'
import type { ViewBody, ViewRequest } from '../../../src/viewPlan.ts'
import type { JsonObject } from '../../../src/isObject.ts'
import { HANDLE, inWorld, ORIGIN, type World } from '../../handlers/support/world.ts'

type Owner = Awaited<ReturnType<World['signIn']>>

const MINUTE_MS = 60_000
const POST = 'app.bsky.feed.post'

const post = (world: World, owner: Owner, text: string, fields: JsonObject = {}) =>
  owner.com.atproto.repo.createRecord({
    repo: world.did,
    collection: POST,
    record: { $type: POST, text, createdAt: new Date(world.clock.now).toISOString(), ...fields },
  })

const follow = (world: World, owner: Owner) =>
  owner.com.atproto.repo.createRecord({
    repo: world.did,
    collection: 'app.bsky.graph.follow',
    record: {
      $type: 'app.bsky.graph.follow',
      subject: world.did,
      createdAt: new Date(world.clock.now).toISOString(),
    },
  })

const putProfile = (world: World, owner: Owner, displayName: string) =>
  owner.com.atproto.repo.putRecord({
    repo: world.did,
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: { $type: 'app.bsky.actor.profile', displayName },
  })

const body = (text: string, encoding: string | null = null): ViewBody => ({
  bytes: new TextEncoder().encode(text),
  encoding,
})

/** The merged answer. */
const parsed = (bytes: Uint8Array | undefined): unknown =>
  bytes && (JSON.parse(new TextDecoder().decode(bytes)) as unknown)

const revOf = async (world: World): Promise<string> => (await world.head()).rev

const timeline = (rev: string, fields: Partial<ViewRequest> = {}): ViewRequest => ({
  id: 'app.bsky.feed.getTimeline',
  search: '',
  rev,
  notFound: false,
  ...fields,
})

/** The texts of the posts that an empty feed gets. */
const textsSince = ({ account }: World, rev: string): string[] | undefined => {
  const merged = account.views.merge(timeline(rev), body('{"feed":[]}'), [])
  if (merged === undefined) return undefined
  const { feed } = parsed(merged) as { feed: { post: { record: { text: string } } }[] }
  return feed.map(({ post }) => post.record.text)
}

describe('what is put into the answers of a service', () => {
  it('is what was written since the revision that it has seen', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      await post(world, owner, 'one')
      const seen = await revOf(world)
      expect(world.account.views.plan(timeline(seen))).toEqual({ merge: false, queries: [] })
      world.clock.now += 1000
      await post(world, owner, 'two')
      world.clock.now += 2000
      await post(world, owner, 'three')
      expect(textsSince(world, seen)).toEqual(['three', 'two'])
      expect(world.account.views.plan(timeline(seen))).toEqual({ lagMs: 2000, merge: true, queries: [] })
    }))

  it('is nothing, without a lag, where only other records were written', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      await follow(world, owner)
      expect(world.account.views.plan(timeline(seen))).toEqual({ merge: false, queries: [] })
    }))

  it('is not merged into what it does not concern, which still tells the lag', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      await post(world, owner, 'one')
      world.clock.now += 500
      const plan = world.account.views.plan(timeline(seen, { id: 'app.bsky.actor.getProfile' }))
      expect(plan).toEqual({ lagMs: 500, merge: false, queries: [] })
      expect(world.account.views.plan(timeline(seen, { id: 'app.bsky.feed.getLikes' })).merge).toBe(false)
    }))

  it('is the newest ten posts, and the profile however far back', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      await putProfile(world, owner, 'Alice')
      for (let n = 0; n < 12; n++) {
        world.clock.now += 1000
        await post(world, owner, `post ${n}`)
      }
      const texts = textsSince(world, seen)
      expect(texts).toHaveLength(10)
      expect([texts?.[0], texts?.[9]]).toEqual(['post 11', 'post 2'])
      const profile = { id: 'app.bsky.actor.getProfile' }
      const answer = JSON.stringify({ did: world.did, handle: HANDLE })
      const merged = world.account.views.merge(timeline(seen, profile), body(answer), [])
      expect(parsed(merged)).toMatchObject({ displayName: 'Alice' })
      expect(world.account.views.plan(timeline(seen, profile))).toMatchObject({ lagMs: 12_000, merge: true })
    }))

  it('does not have a post that was deleted, nor one that was only changed', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const old = await post(world, owner, 'old')
      const seen = await revOf(world)
      const gone = await post(world, owner, 'gone')
      await post(world, owner, 'kept')
      const where = (uri: string) => ({
        repo: world.did,
        collection: POST,
        rkey: uri.slice(uri.lastIndexOf('/') + 1),
      })
      await owner.com.atproto.repo.deleteRecord(where(gone.uri))
      const record = { $type: POST, text: 'changed', createdAt: '2026-01-01T00:00:00Z' }
      await owner.com.atproto.repo.putRecord({ ...where(old.uri), record })
      expect(textsSince(world, seen)).toEqual(['kept'])
    }))

  it('is nothing where the service is further behind than the log, and what the log has where it is not', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const beforeAll = await revOf(world)
      await post(world, owner, 'one')
      const seen = await revOf(world)
      world.clock.now += 100 * 60 * MINUTE_MS
      world.account.sequencer.prune(world.clock.now, 1000)
      await post(world, owner, 'two')
      // The oldest event is the commit right after `seen`: nothing between the two is missing.
      expect(textsSince(world, seen)).toEqual(['two'])
      expect(textsSince(world, beforeAll)).toEqual([])
      expect(world.account.views.plan(timeline(beforeAll))).toEqual({ merge: false, queries: [] })
    }))

  it('is nothing for a service that names no revision, or one from the future', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      await post(world, owner, 'one')
      for (const rev of ['', '0', 'null', '3', 'zzzzzzzzzzzzz', "' OR 1=1", '3'.repeat(1000)])
        expect(world.account.views.plan(timeline(rev)), rev).toEqual({ merge: false, queries: [] })
    }))

  it('asks for what the posts quote, and shows it', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      const other = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
      const cid = (await world.head()).cid
      const quote = (collection: string) => ({
        embed: {
          $type: 'app.bsky.embed.record',
          record: { uri: `at://${other}/${collection}/1`, cid },
        },
      })
      await post(world, owner, 'post', quote(POST))
      await post(world, owner, 'feed', quote('app.bsky.feed.generator'))
      await post(world, owner, 'list', quote('app.bsky.graph.list'))
      await post(world, owner, 'other', quote('com.example.thing'))
      const uri = (collection: string) => encodeURIComponent(`at://${other}/${collection}/1`)
      expect(world.account.views.plan(timeline(seen)).queries).toEqual([
        { id: 'app.bsky.feed.getPosts', search: `uris=${uri(POST)}` },
        { id: 'app.bsky.feed.getFeedGenerators', search: `feeds=${uri('app.bsky.feed.generator')}` },
        { id: 'app.bsky.graph.getList', search: `list=${uri('app.bsky.graph.list')}&limit=1` },
      ])
      const feed = { uri: `at://${other}/app.bsky.feed.generator/1`, displayName: 'A feed' }
      const answers = [
        { id: 'app.bsky.feed.getPosts', ...body('{"posts":[{"uri":1}]}') },
        { id: 'app.bsky.feed.getFeedGenerators', ...body(JSON.stringify({ feeds: [feed] })) },
        { id: 'app.bsky.graph.getList', ...body('not JSON') },
      ]
      const merged = world.account.views.merge(timeline(seen), body('{"feed":[]}'), answers)
      const records = (
        parsed(merged) as { feed: { post: { embed: { record: { $type: string } } } }[] }
      ).feed.map(({ post }) => post.embed.record)
      expect(records).toEqual([
        {
          $type: 'app.bsky.embed.record#viewNotFound',
          uri: decodeURIComponent(uri('com.example.thing')),
          notFound: true,
        },
        {
          $type: 'app.bsky.embed.record#viewNotFound',
          uri: decodeURIComponent(uri('app.bsky.graph.list')),
          notFound: true,
        },
        { ...feed, $type: 'app.bsky.feed.defs#generatorView' },
        { $type: 'app.bsky.embed.record#viewNotFound', uri: decodeURIComponent(uri(POST)), notFound: true },
      ])
    }))

  it('is the thread of a post that the service does not know yet', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      const { uri, cid } = await post(world, owner, 'one')
      const parent = { uri: 'at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/app.bsky.feed.post/1', cid }
      const reply = await post(world, owner, 'two', { reply: { root: parent, parent } })
      const request = (uri: string) =>
        timeline(seen, {
          id: 'app.bsky.feed.getPostThread',
          search: new URLSearchParams({ uri }).toString(),
          notFound: true,
        })
      expect(world.account.views.plan(request(uri))).toMatchObject({ merge: true, queries: [] })
      expect(world.account.views.plan(request(reply.uri)).queries).toEqual([
        {
          id: 'app.bsky.feed.getPostThread',
          search: new URLSearchParams({ uri: parent.uri, depth: '0', parentHeight: '79' }).toString(),
        },
      ])
      expect(world.account.views.plan(request(parent.uri))).toEqual({ merge: false, queries: [] })
      const merged = parsed(world.account.views.merge(request(uri), body(''), [])) as JsonObject
      expect(merged).toMatchObject({ thread: { post: { uri, record: { text: 'one' } } } })
    }))

  it('leaves the answer alone where it cannot be read', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      await post(world, owner, 'one')
      const deep = `{"feed":[{"post":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`
      for (const text of ['', 'no JSON', '[]', '{}', '{"feed":{}}', '{"feed":[null]}', deep])
        expect(world.account.views.merge(timeline(seen), body(text), []), text.slice(0, 20)).toBeUndefined()
      const many = `{"feed":[],"more":[${'[],'.repeat(300_000)}[]]}`
      expect(world.account.views.merge(timeline(seen), body(many), [])).toBeUndefined()
      for (const encoding of ['br', 'gzip', 'nonsense'])
        expect(world.account.views.merge(timeline(seen), body('{"feed":[]}', encoding), [])).toBeUndefined()
      const nested = `{"feed":[],"more":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
      expect(world.account.views.merge(timeline(seen), body(nested), [])).toBeUndefined()
    }))

  it('shows pictures at the CDN that is configured, and otherwise here', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      const { blob } = await owner.com.atproto.repo.uploadBlob({
        encoding: 'image/png',
        body: new Uint8Array([1, 2, 3]),
      })
      const record = { $type: 'app.bsky.actor.profile', avatar: blob }
      const collection = 'app.bsky.actor.profile'
      await owner.com.atproto.repo.putRecord({ repo: world.did, collection, rkey: 'self', record })
      const avatar = (): unknown => {
        const request = timeline(seen, { id: 'app.bsky.actor.getProfile' })
        const answer = JSON.stringify({ did: world.did, handle: HANDLE })
        return (parsed(world.account.views.merge(request, body(answer), [])) as JsonObject).avatar
      }
      const cid = blob.ref.$link
      expect(avatar()).toBe(
        `${ORIGIN}/xrpc/com.atproto.sync.getBlob?did=${encodeURIComponent(world.did)}&cid=${cid}`,
      )
      await world.restart({ CDN_URL_PATTERN: 'https://cdn.example.com/img/%s/plain/%s/%s@jpeg' })
      expect(avatar()).toBe(`https://cdn.example.com/img/avatar/plain/${world.did}/${cid}@jpeg`)
    }))

  it('costs no row', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const seen = await revOf(world)
      await post(world, owner, 'one')
      const { written } = world.account.sql
      world.account.views.plan(timeline(seen))
      world.account.views.merge(timeline(seen), body('{"feed":[]}'), [])
      expect(world.account.sql.written).toBe(written)
    }))
})
