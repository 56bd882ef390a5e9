import type { JsonObject } from '../../isObject.ts'

/** A record of this account that the other service has not indexed yet. */
export interface LocalRecord {
  readonly uri: string
  readonly cid: string
  /** When it was written here, in milliseconds since the epoch. */
  readonly writtenAt: number
  /** The record as JSON. Writes may skip the validation: its fields may have any type. */
  readonly value: JsonObject
}

/** What was written here since the revision that an answer of the other service is about. */
export interface LocalRecords {
  /** The newest posts, newest first. */
  readonly posts: readonly LocalRecord[]
  /** The profile, if it was written since. */
  readonly profile: LocalRecord | undefined
}

/** The presets of pictures, as the reference names them in the addresses of its CDN. */
export type ImagePreset = 'avatar' | 'banner' | 'feed_thumbnail' | 'feed_fullsize'

/** What the views of this account's own records are built from. */
export interface ViewContext {
  readonly did: string
  readonly handle: string
  readonly local: LocalRecords
  /** The profile as it is now, whenever it was written. */
  readonly profile: JsonObject | undefined
  /** Where clients find a picture. */
  imageUrl(preset: ImagePreset, cid: string): string
  /** The view of a record that a post quotes, if the other service has shown it. */
  quoted(uri: string): JsonObject | undefined
}

/** The request whose answer is merged. */
export type Params = Pick<URLSearchParams, 'get' | 'has'>

/**
 * Puts what was written here into the answer of one method. It changes neither, and throws an `UpstreamShapeError`
 * where the answer does not have the method's shape. Undefined: there is nothing to put in.
 */
export type Merge = (context: ViewContext, answer: JsonObject, params: Params) => JsonObject | undefined
