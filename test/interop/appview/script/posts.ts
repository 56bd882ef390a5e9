// What an owner publishes, and a neighbour before them.
import { png } from '../../../../dev/png.ts'
import { at, type Actor, type Ask, type Ref } from '../support/actor.ts'

export async function profile(actor: Actor): Promise<void> {
  const { owner, word } = actor.side
  const get = (step: string) => actor.ask(step, 'app.bsky.actor.getProfile', { params: { actor: owner.did } })
  await actor.side.settle()
  await get('profile: none yet')
  const avatar = await actor.upload('profile: upload the avatar', png(1), 'image/png')
  const put = (step: string, record: object) =>
    actor.ask(step, 'com.atproto.repo.putRecord', {
      input: {
        repo: owner.did,
        collection: 'app.bsky.actor.profile',
        rkey: 'self',
        record: { $type: 'app.bsky.actor.profile', ...record },
      },
    })
  await put('profile: put', { displayName: `Alice ${word}`, description: 'Lives here.', avatar })
  await actor.side.settle()
  await get('profile: indexed')
  await put('profile: name too long', { displayName: 'a'.repeat(1000) })
  await put('profile: changed', {
    displayName: `Alice ${word}`,
    description: 'Lives here, and posts.',
    avatar,
  })
}

/** What the owner finds when they arrive. */
export async function neighbourPosts({ side }: Actor): Promise<Ref> {
  const { agent } = side.neighbour
  await agent.upsertProfile((before) => ({ ...before, displayName: `Bob ${side.word}` }))
  const { uri, cid } = await agent.post({ text: `Hello from the neighbour ${side.word}`, langs: ['en'] })
  await side.settle()
  return { uri, cid }
}

export interface Posts {
  readonly text: Ref
  readonly images: Ref
}

export async function publish(actor: Actor): Promise<Posts> {
  const { owner, neighbour, word } = actor.side
  const post = (step: string, record: object) => actor.create(step, 'app.bsky.feed.post', record)
  const text = await post('post: text', { text: `The first post ${word}`, langs: ['en'] })
  const blobs = [
    await actor.upload('post: upload an image', png(2), 'image/png'),
    await actor.upload('post: upload another image', png(3), 'image/png'),
  ]
  const withImages = await post('post: images', {
    text: 'Two pictures',
    embed: {
      $type: 'app.bsky.embed.images',
      images: blobs.map((image, n) => ({
        image,
        alt: `picture ${n}`,
        aspectRatio: { width: 64, height: 48 },
      })),
    },
  })
  const mention = `@${neighbour.handle}`
  await post('post: mention, link and tag', {
    text: `${mention} see example.com #cats`,
    facets: [
      facet(0, mention.length, { $type: 'app.bsky.richtext.facet#mention', did: neighbour.did }),
      facet(mention.length + 5, mention.length + 16, {
        $type: 'app.bsky.richtext.facet#link',
        uri: 'https://example.com',
      }),
    ],
    tags: ['cats'],
  })
  await post('post: link card', {
    text: 'A link',
    embed: {
      $type: 'app.bsky.embed.external',
      external: { uri: 'https://example.com/', title: 'Example', description: 'An example', thumb: blobs[0] },
    },
  })
  await post('post: quote', { text: 'See above', embed: { $type: 'app.bsky.embed.record', record: text } })
  const refuse = (step: string, record: object) =>
    actor.ask(step, 'com.atproto.repo.createRecord', {
      input: { repo: owner.did, collection: 'app.bsky.feed.post', record },
    })
  const createdAt = new Date().toISOString()
  await refuse('post: too long', { $type: 'app.bsky.feed.post', text: 'a'.repeat(4000), createdAt })
  await refuse('post: without a time', { $type: 'app.bsky.feed.post', text: 'a' })
  await refuse('post: of another type', { $type: 'app.bsky.feed.like', text: 'a', createdAt })
  await refuse('post: a blob that was not uploaded', {
    $type: 'app.bsky.feed.post',
    text: 'a',
    createdAt,
    embed: {
      $type: 'app.bsky.embed.images',
      images: [{ alt: '', image: { ...Object(blobs[0]), ref: { $link: NOWHERE } } }],
    },
  })
  await actor.side.settle()
  return { text, images: withImages }
}

/** A raw CID whose bytes nobody has. */
const NOWHERE = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

const facet = (byteStart: number, byteEnd: number, feature: object) => ({
  index: { byteStart, byteEnd },
  features: [feature],
})

/** The smallest bytes that are recognised as an MP4 by how they begin. */
const MP4 = new Uint8Array([
  0,
  0,
  0,
  24,
  ...Buffer.from('ftypisom\x00\x00\x02\x00isomiso2'),
  ...Buffer.alloc(2_000, 7),
])

/** As Bluesky's app does it: a token for the video service, which uploads the blob itself. */
export async function video(actor: Actor): Promise<void> {
  const { serviceDid } = actor.side
  const exp = Math.floor(Date.now() / 1000) + 30 * 60
  const lxm = 'com.atproto.repo.uploadBlob'
  const auth = (step: string, params: Ask['params']) =>
    actor.ask(step, 'com.atproto.server.getServiceAuth', { params })
  await auth('video: may I', { aud: 'did:web:video.bsky.app', lxm: 'app.bsky.video.getUploadLimits' })
  const { body } = await auth('video: token for the upload', { aud: serviceDid, lxm, exp })
  const token = String(at(body, 'token'))
  const uploaded = await actor.ask('video: the service uploads', lxm, { body: MP4, type: 'video/mp4', token })
  await actor.ask('video: the token opens nothing else', 'com.atproto.server.getSession', { token })
  await actor.ask('video: the token writes nothing', 'com.atproto.repo.createRecord', {
    token,
    input: { repo: actor.side.owner.did, collection: 'app.bsky.feed.post', record: { text: 'a' } },
  })
  const other = await auth('video: token for another method', {
    aud: serviceDid,
    lxm: 'app.bsky.feed.getTimeline',
  })
  await actor.ask('video: a token for another method uploads nothing', lxm, {
    body: MP4,
    type: 'video/mp4',
    token: String(at(other.body, 'token')),
  })
  await actor.create('video: post', 'app.bsky.feed.post', {
    text: 'A video',
    embed: { $type: 'app.bsky.embed.video', video: at(uploaded.body, 'blob'), alt: 'nothing moves' },
  })
  await actor.side.settle()
}
