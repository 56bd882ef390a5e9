import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { postView } from '../../../src/account/views/postView.ts'
import type { JsonObject } from '../../../src/isObject.ts'
import { at, assertAnswer, CID, context, DID, OTHER, postUri, shown, written } from './support/upstream.ts'

const blob = { $type: 'blob', ref: { $link: CID }, mimeType: 'image/png', size: 3 }
const aspectRatio = { width: 4, height: 3 }
const ref = (uri: string) => ({ uri, cid: CID })

const images = { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: 'a cat', aspectRatio }] }
const card = { uri: 'https://example.com', title: 'Example', description: 'An example' }
const external = { $type: 'app.bsky.embed.external', external: { ...card, thumb: blob } }
const quote = (uri: string) => ({ $type: 'app.bsky.embed.record', record: ref(uri) })

const viewOf = (embed: unknown, setup = context()): JsonObject =>
  JSON.parse(JSON.stringify(postView(setup, written('post', 10, { embed })))) as JsonObject

const embedOf = (embed: unknown, setup = context()): unknown => {
  const view = viewOf(embed, setup)
  assertAnswer('app.bsky.feed.getTimeline', { feed: [{ post: view }] })
  return view.embed
}

const IMAGES_VIEW = {
  $type: 'app.bsky.embed.images#view',
  images: [
    {
      thumb: `https://cdn.test/feed_thumbnail/${CID}`,
      fullsize: `https://cdn.test/feed_fullsize/${CID}`,
      alt: 'a cat',
      aspectRatio,
    },
  ],
}

describe('a post that was just written', () => {
  it('has zero counts, the time of its writing and this account as it is now', () => {
    const setup = context([], { displayName: 'Alice', avatar: blob })
    expect(viewOf(undefined, setup)).toEqual({
      uri: postUri(DID, 'post'),
      cid: CID,
      author: {
        did: DID,
        handle: 'alice.test',
        displayName: 'Alice',
        avatar: `https://cdn.test/avatar/${CID}`,
      },
      record: written('post', 10).value,
      likeCount: 0,
      replyCount: 0,
      repostCount: 0,
      quoteCount: 0,
      indexedAt: at(10),
    })
  })

  it('shows its pictures', () => {
    expect(embedOf(images)).toEqual(IMAGES_VIEW)
  })

  it('shows a gallery', () => {
    const item = { $type: 'app.bsky.embed.gallery#image', image: blob, alt: '', aspectRatio }
    expect(embedOf({ $type: 'app.bsky.embed.gallery', items: [item] })).toEqual({
      $type: 'app.bsky.embed.gallery#view',
      items: [
        {
          $type: 'app.bsky.embed.gallery#viewImage',
          thumbnail: `https://cdn.test/feed_thumbnail/${CID}`,
          fullsize: `https://cdn.test/feed_fullsize/${CID}`,
          alt: '',
          aspectRatio,
        },
      ],
    })
  })

  it('shows a link with its card', () => {
    expect(embedOf(external)).toEqual({
      $type: 'app.bsky.embed.external#view',
      external: { ...card, thumb: `https://cdn.test/feed_thumbnail/${CID}` },
    })
    expect(embedOf({ ...external, external: card })).toEqual({
      $type: 'app.bsky.embed.external#view',
      external: card,
    })
  })

  it('shows what it quotes as the service shows it, or says that it is not there', () => {
    const uri = postUri(OTHER, 'quoted')
    const { author, record, indexedAt } = shown(OTHER, 'quoted', 1)
    const view = {
      $type: 'app.bsky.embed.record#viewRecord',
      uri,
      cid: CID,
      author,
      value: record,
      indexedAt,
    }
    const known = context([], undefined, { quoted: (asked) => (asked === uri ? view : undefined) })
    expect(embedOf(quote(uri), known)).toEqual({ $type: 'app.bsky.embed.record#view', record: view })
    expect(embedOf(quote(uri))).toEqual({
      $type: 'app.bsky.embed.record#view',
      record: { $type: 'app.bsky.embed.record#viewNotFound', uri, notFound: true },
    })
  })

  it('shows a quoted post that was just written itself, with its pictures', () => {
    const own = written('quoted', 5, { embed: images })
    const view = embedOf(quote(own.uri), context([own])) as { record: JsonObject }
    expect(view.record).toMatchObject({
      $type: 'app.bsky.embed.record#viewRecord',
      uri: own.uri,
      value: { text: 'quoted' },
      embeds: [IMAGES_VIEW],
      indexedAt: at(5),
    })
  })

  it('ends where posts quote each other', () => {
    const [a, b] = [
      written('a', 1, { embed: quote(postUri(DID, 'b')) }),
      written('b', 2, { embed: quote(postUri(DID, 'a')) }),
    ]
    expect(embedOf(quote(postUri(DID, 'a')), context([a, b]))).toMatchObject({ record: { uri: a.uri } })
  })

  it('shows pictures beside a quote', () => {
    const uri = postUri(OTHER, 'quoted')
    const embed = { $type: 'app.bsky.embed.recordWithMedia', record: quote(uri), media: images }
    expect(embedOf(embed)).toMatchObject({
      $type: 'app.bsky.embed.recordWithMedia#view',
      record: { record: { notFound: true } },
      media: IMAGES_VIEW,
    })
  })

  it('shows no embed for a video, which is not ready yet, nor for what it does not know', () => {
    const video = { $type: 'app.bsky.embed.video', video: { ...blob, mimeType: 'video/mp4' } }
    expect(embedOf(video)).toBeUndefined()
    expect(embedOf({ $type: 'com.example.embed', value: 1 })).toBeUndefined()
  })

  it('takes the old form of a blob reference', () => {
    const old = {
      ...images,
      images: [{ image: { cid: CID, mimeType: 'image/png' }, alt: 'a cat', aspectRatio }],
    }
    expect(embedOf(old)).toEqual(IMAGES_VIEW)
  })

  it('is a view that clients can read, whatever a record written without validation has', () => {
    const types = ['images', 'gallery', 'external', 'record', 'recordWithMedia'].map(
      (name) => `app.bsky.embed.${name}`,
    )
    const value: fc.Arbitrary<unknown> = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(blob))
    const part = fc.dictionary(
      fc.constantFrom(
        'image',
        'alt',
        'aspectRatio',
        '$type',
        'uri',
        'title',
        'description',
        'thumb',
        'record',
      ),
      value,
    )
    const embed = fc.record({
      $type: fc.oneof(fc.constantFrom(...types), value),
      images: fc.oneof(value, fc.array(part, { maxLength: 4 })),
      items: fc.oneof(value, fc.array(part, { maxLength: 4 })),
      external: fc.oneof(value, part),
      record: fc.oneof(value, part),
      media: fc.oneof(value, fc.constant(images), fc.constant(external)),
    })
    const profile = fc.dictionary(fc.constantFrom('displayName', 'avatar', 'pronouns'), value)
    fc.assert(
      fc.property(embed, profile, (embed, profile) => {
        const { embed: view, author } = viewOf(embed, context([], profile))
        // Text of any form is what the writer asked for; types and required fields are ours to keep.
        expect(typeof author).toBe('object')
        if (view !== undefined) expect(view).toHaveProperty('$type', `${String(embed.$type)}#view`)
      }),
    )
  })
})
