import type { Keypair } from '@atproto/crypto'
import { toBase64url } from '../../../src/crypto/base64url.ts'

/** A part of a JWS. */
export const encodeJson = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A service token. */
export const signServiceToken = async (key: Keypair, claims: object): Promise<string> => {
  const signed = `${encodeJson({ typ: 'JWT', alg: key.jwtAlg })}.${encodeJson(claims)}`
  return `${signed}.${toBase64url(await key.sign(new TextEncoder().encode(signed)))}`
}
