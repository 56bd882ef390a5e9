import { CodedError } from '../../codedError.ts'
import { isObject, type JsonObject } from '../../isObject.ts'

/**
 * The answer of the other service does not have the shape that its method has. It is then passed on as it came: what
 * cannot be read cannot be added to.
 */
export class UpstreamShapeError extends CodedError<'UnexpectedShape'> {
  override readonly name = 'UpstreamShapeError'

  constructor(message: string) {
    super('UnexpectedShape', message)
  }
}

const expected = (where: string, what: string) => new UpstreamShapeError(`${where}: expected ${what}`)

export const asObject = (value: unknown, where: string): JsonObject => {
  if (!isObject(value)) throw expected(where, 'an object')
  return value
}

/** The items are not checked. */
export const asArray = (value: unknown, where: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw expected(where, 'an array')
  return value
}

export const asString = (value: unknown, where: string): string => {
  if (typeof value !== 'string') throw expected(where, 'a string')
  return value
}

/** A time as text, in milliseconds since the epoch. */
export const asTime = (value: unknown, where: string): number => {
  const time = Date.parse(asString(value, where))
  if (Number.isNaN(time)) throw expected(where, 'a time')
  return time
}

/** A post as the other service shows it, as far as a merge reads it. */
export interface UpstreamPost {
  readonly post: JsonObject
  readonly uri: string
  readonly author: JsonObject
  readonly authorDid: string
  readonly indexedAt: number
}

/** The `post` of a feed's item or of a thread's node. */
export const asPost = (value: unknown, where: string): UpstreamPost => {
  const post = asObject(value, where)
  const author = asObject(post.author, `${where}.author`)
  return {
    post,
    uri: asString(post.uri, `${where}.uri`),
    author,
    authorDid: asString(author.did, `${where}.author.did`),
    indexedAt: asTime(post.indexedAt, `${where}.indexedAt`),
  }
}
