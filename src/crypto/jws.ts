import { isObject, type JsonObject } from '../isObject.ts'
import { fromBase64url, toBase64url } from './base64url.ts'
import { TokenError } from './errors.ts'
import type { SignBytes } from './privateKey.ts'
import { type Alg, type PublicKey, verifyWith } from './publicKey.ts'
import { hasDuplicateKeys } from './hasDuplicateKeys.ts'

/** Longer tokens are refused unread. The longest of our own, with all PLC data, stays below 6 KB. */
export const MAX_JWS_BYTES = 16 * 1024

export interface DecodedJws {
  header: JsonObject
  payload: JsonObject
  signed: Uint8Array
  signature: Uint8Array
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const parseSegment = (text: string, name: string): JsonObject => {
  const bytes = fromBase64url(text)
  if (!bytes) throw new TokenError('Malformed', `the token's ${name} is not canonical base64url`)
  try {
    const json = utf8.decode(bytes)
    const value: unknown = JSON.parse(json)
    if (isObject(value) && !hasDuplicateKeys(json)) return value
  } catch {
    // The one message below is thrown: a parser's own message would contain parts of the token.
  }
  throw new TokenError('Malformed', `the token's ${name} is not a JSON object with unique names`)
}

/** Splits and decodes a compact JWS without verifying it. `crit` is refused, because no extension is supported here. */
export const decodeJws = (token: string, max = MAX_JWS_BYTES): DecodedJws => {
  if (token.length > max) throw new TokenError('Malformed', `the token is longer than ${max} bytes`)
  const parts = token.split('.')
  const [first, second, third] = parts
  if (parts.length !== 3 || !first || !second || third === undefined)
    throw new TokenError('Malformed', 'the token does not have three parts')
  const header = parseSegment(first, 'header')
  if ('crit' in header) throw new TokenError('Malformed', 'the token asks for an extension (crit)')
  const payload = parseSegment(second, 'payload')
  const signature = fromBase64url(third)
  if (!signature) throw new TokenError('Malformed', "the token's signature is not canonical base64url")
  return { header, payload, signed: new TextEncoder().encode(`${first}.${second}`), signature }
}

/** Checks the header against the type and algorithm that the verifier expects: a token never chooses them. */
export const checkHeader = (header: JsonObject, typ: string, alg: Alg): void => {
  if (header.typ !== typ) throw new TokenError('WrongType', `the token is not of type ${typ}`)
  if (header.alg !== alg) throw new TokenError('WrongAlg', `the token is not signed with ${alg}`)
}

export const checkSignature = async (jws: DecodedJws, key: PublicKey): Promise<void> => {
  if (!(await verifyWith(key, jws.signed, jws.signature)))
    throw new TokenError('BadSignature', "the token's signature does not verify")
}

const formatSegment = (value: JsonObject): string =>
  toBase64url(new TextEncoder().encode(JSON.stringify(value)))

/** Signs a header and a payload. Our own key is k256, so the algorithm is always ES256K. */
export const encodeJws = async (typ: string, payload: JsonObject, sign: SignBytes): Promise<string> => {
  const signed = `${formatSegment({ alg: 'ES256K', typ })}.${formatSegment(payload)}`
  return `${signed}.${toBase64url(await sign(new TextEncoder().encode(signed)))}`
}
