import type { JsonObject } from '../isObject.ts'
import type { OwnSession } from './types.ts'

/** What an answer to createSession or createAccount must have for a run to go on with it. */
export const SESSION_FIELDS = ['did', 'accessJwt', 'refreshJwt'] as const

/** Far longer than any token is, and short enough for a header. */
const MAX_CHARS = 8192

/** A text that a header can carry. */
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length <= MAX_CHARS && /^[\x21-\x7e]+$/.test(value) ? value : undefined

/** The session that a server gave out; undefined for what cannot be one. */
export const sessionOf = (json: JsonObject): OwnSession | undefined => {
  const [did, accessJwt, refreshJwt] = SESSION_FIELDS.map((name) => textOf(json[name]))
  return did !== undefined && accessJwt !== undefined && refreshJwt !== undefined
    ? { did, handle: textOf(json['handle']) ?? '', accessJwt, refreshJwt }
    : undefined
}
