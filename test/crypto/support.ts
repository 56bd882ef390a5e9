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

/** Encodes JSON as one part of a compact JWS. */
export const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
