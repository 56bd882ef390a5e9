import { Buffer } from 'node:buffer'
import {
  bytesToMultibase,
  type Keypair,
  multibaseToBytes,
  P256Keypair,
  Secp256k1Keypair,
} from '@atproto/crypto'
import { KeyError } from './errors.ts'
import type { PrivateKey } from './privateKey.ts'
import { Secret } from './secret.ts'

export const CURVES = ['k256', 'p256'] as const
/** The curves that a did:plc takes for a rotation key. */
export type Curve = (typeof CURVES)[number]

/** A private key that its owner keeps: of either curve, as no key of a server is. */
export interface RecoveryPrivateKey extends PrivateKey {
  readonly curve: Curve
}

const KEY_BYTES = 32
const MAX_TEXT_LENGTH = 128
/** Of the private key in multibase: k256-priv and p256-priv. */
const MULTICODECS: Record<Curve, readonly [number, number]> = { k256: [0x81, 0x26], p256: [0x86, 0x26] }

const importKey = async (curve: Curve, bytes: Uint8Array): Promise<Keypair> =>
  curve === 'k256' ? await Secp256k1Keypair.import(bytes) : await P256Keypair.import(bytes)

const fromMultibase = (text: string): { curve: Curve; bytes: Uint8Array } | undefined => {
  try {
    const [first, second, ...key] = multibaseToBytes(text)
    const curve = CURVES.find((each) => MULTICODECS[each][0] === first && MULTICODECS[each][1] === second)
    return curve && key.length === KEY_BYTES ? { curve, bytes: new Uint8Array(key) } : undefined
  } catch {
    return undefined
  }
}

/**
 * Reads a private key as owners keep it: multibase (`z…`), which names its curve, or 64 hexadecimal digits of the curve
 * that is given. No error shows any of it.
 */
export const loadRecoveryPrivateKey = async (
  secret: Secret,
  curve: Curve = 'k256',
): Promise<RecoveryPrivateKey> => {
  const text = secret.reveal().trim()
  const found =
    text.length > MAX_TEXT_LENGTH
      ? undefined
      : /^[0-9a-fA-F]{64}$/.test(text)
        ? { curve, bytes: new Uint8Array(Buffer.from(text, 'hex')) }
        : fromMultibase(text)
  if (!found)
    throw new KeyError(
      'BadSecret',
      'the recovery key must be a private key: multibase (z…) of k256 or P-256, or 64 hexadecimal digits',
    )
  try {
    const keypair = await importKey(found.curve, found.bytes)
    return { curve: found.curve, did: keypair.did(), sign: (bytes) => keypair.sign(bytes) }
  } catch {
    // The library's message may show the value, so it is dropped.
    throw new KeyError(
      'BadSecret',
      'the recovery key is not a private key of its curve (zero, or out of range)',
    )
  }
}

/** A new private key in hex. `random` is that of the platform. */
export const generateRecoveryKey = async (
  curve: Curve,
  random: (length: number) => Uint8Array,
): Promise<Secret> => {
  const secret = new Secret(Buffer.from(random(KEY_BYTES)).toString('hex'))
  try {
    await loadRecoveryPrivateKey(secret, curve)
    return secret
  } catch {
    // One draw in 2^32 is out of range of P-256, one in 2^128 of k256.
    return await generateRecoveryKey(curve, random)
  }
}

/** A private key, given in hex, in the form that goat and other did:plc tools take: multibase, base58btc. */
export const recoveryKeyMultibase = (secret: Secret, curve: Curve): Secret => {
  const key = Buffer.from(secret.reveal().trim(), 'hex')
  return new Secret(bytesToMultibase(new Uint8Array([...MULTICODECS[curve], ...key]), 'base58btc'))
}
