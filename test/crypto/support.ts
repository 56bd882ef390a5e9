import { createHash } from 'node:crypto'
import { Secret } from '../../src/crypto/secret.ts'

/** A key that is the same in every run; `name` keeps the keys of a test apart. */
export const testSecret = (name: string): Secret =>
  new Secret(createHash('sha256').update(name).digest('hex'))

/** Deterministic randomness. */
export const testRandom = (seed = 'seed') => {
  let n = 0
  return (length: number): Uint8Array =>
    new Uint8Array(createHash('shake256', { outputLength: length }).update(`${seed}${n++}`).digest())
}

export const NOW = Date.parse('2026-11-20T12:00:00.250Z')
export const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const SERVICE_DID = 'did:web:cirrus.example'

/** Encodes a value as one part of a compact JWS. */
export const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The order of each curve's group. */
const ORDER = {
  k256: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
}

/** The other valid signature of the same message: s becomes n - s. */
export const highS = (sig: Uint8Array, curve: keyof typeof ORDER): Uint8Array => {
  const s = ORDER[curve] - BigInt(`0x${Buffer.from(sig.subarray(32)).toString('hex')}`)
  return Buffer.concat([sig.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
}

/** The same signature in DER. */
export const der = (sig: Uint8Array): Uint8Array => {
  const integer = (bytes: Uint8Array) => Buffer.from([2, bytes.length + 1, 0, ...bytes])
  const body = Buffer.concat([integer(sig.subarray(0, 32)), integer(sig.subarray(32))])
  return Buffer.from([0x30, body.length, ...body])
}
