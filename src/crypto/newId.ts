import { Buffer } from 'node:buffer'

/** 128 random bits in hex: a token's `jti`, a session's id. `random` is the platform's. */
export const newId = (random: (length: number) => Uint8Array): string =>
  Buffer.from(random(16)).toString('hex')
