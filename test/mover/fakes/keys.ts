import { createHash } from 'node:crypto'
import { Secp256k1Keypair } from '@atproto/crypto'

const made = new Map<string, Promise<Secp256k1Keypair>>()

/** The key of this name: the same in every run, and made once. */
export const fakeKey = (name: string): Promise<Secp256k1Keypair> => {
  const key =
    made.get(name) ??
    Secp256k1Keypair.import(createHash('sha256').update(name).digest('hex'), { exportable: true })
  made.set(name, key)
  return key
}
