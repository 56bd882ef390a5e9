import { hasDuplicateKeys } from '../crypto/hasDuplicateKeys.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import { WebauthnError } from './webauthnError.ts'

/** What an answer must be for. */
export interface Expected {
  /** `https://` and the host name, with a port if it has one. */
  origin: string
  /** The host name that passkeys belong to. */
  rpId: string
  /** Whether the challenge is one that this ceremony was given. */
  isChallenge(challenge: string): boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const parse = (bytes: Uint8Array): JsonObject => {
  try {
    const json = utf8.decode(bytes)
    const value: unknown = JSON.parse(json)
    if (isObject(value) && !hasDuplicateKeys(json)) return value
  } catch {
    // The one message below is thrown.
  }
  throw new WebauthnError('Malformed', 'clientDataJSON is not a JSON object with unique names')
}

/**
 * Checks what the browser says of a ceremony: its kind, its challenge, and the page that asked for it, which must not have
 * been inside of another site's. Returns the challenge.
 */
export const checkClientData = (
  bytes: Uint8Array,
  type: 'webauthn.create' | 'webauthn.get',
  { origin, isChallenge }: Pick<Expected, 'origin' | 'isChallenge'>,
): string => {
  const data = parse(bytes)
  if (data.type !== type) throw new WebauthnError('WrongType', `the answer is not of the type ${type}`)
  if (typeof data.challenge !== 'string' || !isChallenge(data.challenge))
    throw new WebauthnError(
      'WrongChallenge',
      'the challenge was not given for this, or is too old: try again',
    )
  if (data.origin !== origin)
    throw new WebauthnError('WrongOrigin', `the page that asked is not one of ${origin}`)
  if ((data.crossOrigin !== undefined && data.crossOrigin !== false) || data.topOrigin !== undefined)
    throw new WebauthnError('CrossOrigin', 'the page that asked was inside of another site')
  return data.challenge
}
