import { isObject, type JsonObject } from '../../isObject.ts'
import { blobCid } from './blobCid.ts'
import type { ImagePreset, ViewContext } from './view.ts'

type Images = Pick<ViewContext, 'imageUrl'>

/** A field of a record that should be a string; undefined where it is anything else. */
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const image = ({ imageUrl }: Images, preset: ImagePreset, blob: unknown): string | undefined => {
  const cid = blobCid(blob)
  return cid === undefined ? undefined : imageUrl(preset, cid)
}

/** Fields that are undefined are left out of the JSON: what the record does not have, the view no longer has. */
const basic = (context: Images, record: JsonObject | undefined) => ({
  displayName: textOf(record?.displayName),
  pronouns: textOf(record?.pronouns),
  avatar: image(context, 'avatar', record?.avatar),
})

/** This account as the author of a post: a `profileViewBasic`. */
export const ownAuthor = (context: ViewContext): JsonObject => ({
  did: context.did,
  handle: context.handle,
  ...basic(context, context.profile),
})

/** A `profileViewBasic` of this account, with what its record now has. */
export const updateBasic = (context: Images, view: JsonObject, record: JsonObject): JsonObject => ({
  ...view,
  ...basic(context, record),
})

const strongRef = (value: unknown): JsonObject | undefined =>
  isObject(value) && typeof value.uri === 'string' && typeof value.cid === 'string'
    ? { uri: value.uri, cid: value.cid }
    : undefined

/** A `profileViewDetailed` of this account, with what its record now has. */
export const updateDetailed = (context: Images, view: JsonObject, record: JsonObject): JsonObject => ({
  ...updateBasic(context, view, record),
  description: textOf(record.description),
  website: textOf(record.website),
  banner: image(context, 'banner', record.banner),
  pinnedPost: strongRef(record.pinnedPost),
})
