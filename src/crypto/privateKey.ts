import { Buffer } from 'node:buffer'
import { Secp256k1Keypair } from '@atproto/crypto'
import { KeyError } from './errors.ts'
import { Secret } from './secret.ts'

/** Signs whatever bytes it gets, so only `crypto/` and `signing/` see one: others hold a signer of typed values. */
export type SignBytes = (bytes: Uint8Array) => Promise<Uint8Array>

/** A k256 private key. Its bytes stay in here; like `SignBytes`, only `signing/` builds on it. */
export interface PrivateKey {
  /** The public key, as did:key. */
  readonly did: string
  readonly sign: SignBytes
}

/** Reads a k256 private key in hex. `name` is what an error calls it. */
export const loadPrivateKey = async (secret: Secret, name: string): Promise<PrivateKey> => {
  const hex = secret.reveal().trim()
  if (!/^[0-9a-fA-F]{64}$/.test(hex))
    throw new KeyError('BadSecret', `${name} must be a k256 private key: 32 bytes as 64 hex digits`)
  try {
    const keypair = await Secp256k1Keypair.import(new Uint8Array(Buffer.from(hex, 'hex')))
    return { did: keypair.did(), sign: (bytes) => keypair.sign(bytes) }
  } catch {
    // The library's message may show the value, so it is dropped.
    throw new KeyError('BadSecret', `${name} is not a k256 private key (zero, or out of range)`)
  }
}

/** A new k256 private key in hex, for `pds init`. `random` is the platform's. */
export const generateKey = async (random: (length: number) => Uint8Array): Promise<Secret> => {
  const secret = new Secret(Buffer.from(random(32)).toString('hex'))
  try {
    await loadPrivateKey(secret, 'the new key')
    return secret
  } catch {
    // One draw in 2^128 is out of range.
    return await generateKey(random)
  }
}
