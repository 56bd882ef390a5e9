import { fromBase64url } from '../crypto/base64url.ts'
import { readPublicKey, verifyWith } from '../crypto/publicKey.ts'
import { operationBytes } from './cid.ts'
import type { Operation } from './types.ts'

/** The key of these, as did:key, with which the operation is signed; undefined if with none of them. */
export async function findSigner(
  { sig, ...unsigned }: Operation,
  keys: readonly string[],
): Promise<string | undefined> {
  const signature = fromBase64url(sig)
  if (!signature) return undefined
  const bytes = operationBytes({ ...unsigned })
  for (const text of keys) {
    const key = readPublicKey(text)
    if (key && (await verifyWith(key, bytes, signature))) return text
  }
  return undefined
}
