import { createHash } from 'node:crypto'
import { Secp256k1Keypair } from '@atproto/crypto'

const made = new Map<string, Promise<Secp256k1Keypair>>()

const makeKey = async (name: string): Promise<Secp256k1Keypair> => {
  const hex = createHash('sha256').update(name).digest('hex')
  const key = await Secp256k1Keypair.import(hex, { exportable: true })
  // The library forms it from the point each time that it is asked.
  const did = key.did()
  return Object.assign(key, { did: () => did })
}

/** The key of this name: the same in every run, and made once. */
export const fakeKey = (name: string): Promise<Secp256k1Keypair> => {
  const key = made.get(name) ?? makeKey(name)
  made.set(name, key)
  return key
}
