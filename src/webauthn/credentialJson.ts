import { fromBase64url } from '../crypto/base64url.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import { WebauthnError } from './webauthnError.ts'

/** Any member of an answer: a key of 4096 bits, an id of 1023 bytes and an attestation with certificates fit. */
const MAX_MEMBER_LENGTH = 32 * 1024

const malformed = (what: string): never => {
  throw new WebauthnError('Malformed', what)
}

/** An answer in the JSON form of WebAuthn level 3. */
export interface CredentialJson {
  /** The credential's id, base64url. */
  id: string
  response: JsonObject
}

/** Reads the outer members of an answer, registration or assertion. */
export const readCredentialJson = (answer: unknown): CredentialJson => {
  if (!isObject(answer) || !isObject(answer.response))
    return malformed('the answer is not a credential in JSON')
  const { id, rawId, type, response } = answer
  if (type !== 'public-key') malformed('the type of the credential is not public-key')
  if (typeof id !== 'string' || id === '' || id !== rawId)
    return malformed('id and rawId are not the same text')
  return { id, response }
}

/** The bytes of a member of the answer's `response`. */
export const bytesMember = (response: JsonObject, name: string): Uint8Array<ArrayBuffer> => {
  const text = response[name]
  if (typeof text !== 'string' || text.length > MAX_MEMBER_LENGTH)
    return malformed(`${name} is not text of at most ${MAX_MEMBER_LENGTH} characters`)
  return fromBase64url(text) ?? malformed(`${name} is not canonical base64url`)
}
