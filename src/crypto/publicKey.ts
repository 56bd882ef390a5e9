import { formatDidKey, parseDidKey, verifySignature } from '@atproto/crypto'
import { KeyError } from './errors.ts'

export type Alg = 'ES256K' | 'ES256'

/** A public key as a did:key. Its curve determines the one algorithm that it verifies. */
export interface PublicKey {
  readonly did: string
  readonly alg: Alg
  /** For `publicKeyMultibase` in DID documents: `z…`. */
  readonly multibase: string
}

/** Base58 decoding is quadratic, so the length is capped first. A k256 did:key has 57 characters. */
const MAX_DID_KEY_LENGTH = 256

/** Reads a k256 or P-256 did:key; undefined for what is not one. */
export const readPublicKey = (did: string): PublicKey | undefined => {
  if (did.length > MAX_DID_KEY_LENGTH) return undefined
  try {
    const { jwtAlg, keyBytes } = parseDidKey(did)
    if ((jwtAlg === 'ES256K' || jwtAlg === 'ES256') && formatDidKey(jwtAlg, keyBytes) === did)
      return { did, alg: jwtAlg, multibase: did.slice('did:key:'.length) }
  } catch {
    // The library's messages say less than that it is not a key.
  }
  return undefined
}

/** Reads a k256 or P-256 did:key. Only the one canonical spelling (compressed point) is accepted. */
export const parsePublicKey = (did: string): PublicKey => {
  const key = readPublicKey(did)
  if (key) return key
  throw new KeyError(
    'BadPublicKey',
    did.length > MAX_DID_KEY_LENGTH ? 'the did:key is too long' : `not a k256 or P-256 did:key: ${did}`,
  )
}

export const isPublicKey = (did: string): boolean => readPublicKey(did) !== undefined

/** Whether this is the key's 64-byte low-S signature over SHA-256 of the data, with the algorithm of its own curve. */
export const verifyWith = async (key: PublicKey, data: Uint8Array, sig: Uint8Array): Promise<boolean> => {
  if (sig.byteLength !== 64) return false
  try {
    return await verifySignature(key.did, data, sig, { jwtAlg: key.alg })
  } catch {
    return false
  }
}
