import { generateKey } from '../../../src/crypto/privateKey.ts'
import type { Secret } from '../../../src/crypto/secret.ts'
import {
  loadRotationKey,
  loadSigningKey,
  type RotationKey,
  type SigningKey,
} from '../../../src/signing/keys.ts'

export const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

export interface Key {
  hex: Secret
  signing: SigningKey
  rotation: RotationKey
  did: string
}

export const newKey = async (): Promise<Key> => {
  const hex = await generateKey(random)
  const signing = await loadSigningKey(hex)
  return { hex, signing, rotation: await loadRotationKey(hex), did: signing.did }
}
