import { isObject, type JsonObject } from '../../isObject.ts'
import { blobCid } from './blobCid.ts'
import { ownAuthor, textOf } from './profileView.ts'
import type { LocalRecord, ViewContext } from './view.ts'

/**
 * What a post of this account embeds, as its view. Undefined where there is nothing to show yet: a video, which the
 * video service is still preparing, a type that is not known, or a record with fields of the wrong type.
 */
export const embedView = (context: ViewContext, embed: unknown): JsonObject | undefined =>
  viewOf(context, embed, MAX_QUOTES)

/** A quoted post is shown with what it embeds itself, but not with what a post that it quotes embeds. */
const MAX_QUOTES = 1

const viewOf = (context: ViewContext, embed: unknown, quotes: number): JsonObject | undefined => {
  if (!isObject(embed)) return undefined
  switch (embed.$type) {
    case 'app.bsky.embed.record':
      return recordView(context, embed, quotes)
    case 'app.bsky.embed.recordWithMedia': {
      const media = mediaView(context, embed.media)
      const record = recordView(context, embed.record, quotes)
      return media && record && { $type: 'app.bsky.embed.recordWithMedia#view', record, media }
    }
    default:
      return mediaView(context, embed)
  }
}

const mediaView = (context: ViewContext, embed: unknown): JsonObject | undefined => {
  if (!isObject(embed)) return undefined
  switch (embed.$type) {
    case 'app.bsky.embed.images':
      return listView(
        embed.images,
        (item) => imageView(context, item),
        'app.bsky.embed.images#view',
        'images',
      )
    case 'app.bsky.embed.gallery':
      return listView(
        embed.items,
        (item) => galleryView(context, item),
        'app.bsky.embed.gallery#view',
        'items',
      )
    case 'app.bsky.embed.external':
      return externalView(context, embed.external)
    default:
      return undefined
  }
}

/** The views of all items, or undefined if one of them has none. */
const listView = (
  items: unknown,
  view: (item: JsonObject) => JsonObject | undefined,
  $type: string,
  name: string,
): JsonObject | undefined => {
  if (!Array.isArray(items)) return undefined
  const views = items.map((item: unknown) => (isObject(item) ? view(item) : undefined))
  return views.includes(undefined) ? undefined : { $type, [name]: views }
}

const urlsOf = ({ imageUrl }: ViewContext, blob: unknown): { small: string; full: string } | undefined => {
  const cid = blobCid(blob)
  return cid === undefined
    ? undefined
    : { small: imageUrl('feed_thumbnail', cid), full: imageUrl('feed_fullsize', cid) }
}

const aspectRatioOf = (value: unknown): JsonObject | undefined =>
  isObject(value) && Number.isSafeInteger(value.width) && Number.isSafeInteger(value.height)
    ? { width: value.width, height: value.height }
    : undefined

const imageView = (context: ViewContext, item: JsonObject): JsonObject | undefined => {
  const urls = urlsOf(context, item.image)
  const alt = textOf(item.alt)
  if (!urls || alt === undefined) return undefined
  return { thumb: urls.small, fullsize: urls.full, alt, aspectRatio: aspectRatioOf(item.aspectRatio) }
}

const galleryView = (context: ViewContext, item: JsonObject): JsonObject | undefined => {
  const urls = urlsOf(context, item.image)
  const alt = textOf(item.alt)
  const aspectRatio = aspectRatioOf(item.aspectRatio)
  if (item.$type !== 'app.bsky.embed.gallery#image' || !urls || alt === undefined || !aspectRatio)
    return undefined
  return {
    $type: 'app.bsky.embed.gallery#viewImage',
    thumbnail: urls.small,
    fullsize: urls.full,
    alt,
    aspectRatio,
  }
}

const externalView = (context: ViewContext, external: unknown): JsonObject | undefined => {
  if (!isObject(external)) return undefined
  const [uri, title, description] = [external.uri, external.title, external.description].map(textOf)
  if (uri === undefined || title === undefined || description === undefined) return undefined
  return {
    $type: 'app.bsky.embed.external#view',
    external: { uri, title, description, thumb: urlsOf(context, external.thumb)?.small },
  }
}

/** The record that an embed of the type `app.bsky.embed.record` names. */
export const quotedUri = (embed: unknown): string | undefined =>
  isObject(embed) && isObject(embed.record) ? textOf(embed.record.uri) : undefined

const recordView = (context: ViewContext, embed: unknown, quotes: number): JsonObject | undefined => {
  const uri = quotedUri(embed)
  if (uri === undefined || quotes === 0) return undefined
  const own = context.local.posts.find((post) => post.uri === uri)
  const record = own
    ? quotedPost(context, own, quotes - 1)
    : (context.quoted(uri) ?? { $type: 'app.bsky.embed.record#viewNotFound', uri, notFound: true })
  return { $type: 'app.bsky.embed.record#view', record }
}

const quotedPost = (context: ViewContext, post: LocalRecord, quotes: number): JsonObject => {
  const embed = viewOf(context, post.value.embed, quotes)
  return {
    $type: 'app.bsky.embed.record#viewRecord',
    uri: post.uri,
    cid: post.cid,
    author: ownAuthor(context),
    value: post.value,
    embeds: embed && [embed],
    indexedAt: new Date(post.writtenAt).toISOString(),
  }
}
