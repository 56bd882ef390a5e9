import { createHash } from 'node:crypto'
import { secp256k1Plugin } from '@atproto/crypto'

const MAX_ENTRIES = 10_000

/** The answers of a function that gives the same for the same, by what was asked. A failure is not kept. */
const remember = <Asked extends unknown[], T>(
  work: (...asked: Asked) => T,
  nameOf: (...asked: Asked) => string,
): ((...asked: Asked) => T) => {
  const known = new Map<string, T>()
  return (...asked) => {
    const name = nameOf(...asked)
    const found = known.get(name)
    if (found !== undefined) return found
    const made = work(...asked)
    if (known.size >= MAX_ENTRIES) known.clear()
    known.set(name, made)
    return made
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/**
 * Computes each signature check and each form of a public key once in this process, and answers as the library does.
 * Each run of the mover begins with nothing, and verifies the same log and the same commits again: half of the time of
 * a simulated move went into that.
 */
export const rememberSignatures = (): void => {
  const { verifySignature, compressPubkey, decompressPubkey } = secp256k1Plugin
  Object.assign(secp256k1Plugin, {
    verifySignature: remember(verifySignature, (did, data, sig, options) =>
      [did, digest(data), hex(sig), JSON.stringify(options)].join(' '),
    ),
    compressPubkey: remember(compressPubkey, hex),
    decompressPubkey: remember(decompressPubkey, hex),
  })
}
