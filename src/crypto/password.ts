import { Buffer } from 'node:buffer'
import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import { fromBase64url, toBase64url } from './base64url.ts'
import { KeyError } from './errors.ts'
import { pausingScrypt, type ScryptCost } from './scrypt.ts'
import { Secret } from './secret.ts'

// The reference PDS's cost, 360 ms there, so that guessing is expensive. Each hash stores its cost, so that later
// ones can cost more.
const COST: ScryptCost = { N: 2 ** 14, r: 8, p: 5 }
const HASH_BYTES = 32
/** In UTF-16 units. Longer passwords are refused before any work is done. */
export const MAX_PASSWORD_LENGTH = 512

const derive = (password: string, salt: Uint8Array, { N, r, p }: ScryptCost): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 256 * N * r }
    scrypt(password, salt, HASH_BYTES, options, (cause, key) => (cause ? reject(cause) : resolve(key)))
  })

/** Gives `scrypt$N$r$p$salt$hash`, for PASSWORD_HASH. `salt` is 16 bytes from the platform's `random`. */
export const hashPassword = async (password: Secret, salt: Uint8Array): Promise<string> => {
  if (salt.byteLength < 16) throw new KeyError('BadSecret', 'the salt must have at least 16 bytes')
  if (password.reveal() === '' || password.reveal().length > MAX_PASSWORD_LENGTH)
    throw new KeyError('BadSecret', `the password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
  const hash = await derive(password.reveal(), salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, toBase64url(salt), toBase64url(hash)].join('$')
}

const parseHash = (stored: string) => {
  const [, n = '', r = '', p = '', saltText = '', hashText = ''] =
    /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/.exec(stored.trim()) ?? []
  const cost = { N: Number(n), r: Number(r), p: Number(p) }
  const [salt, hash] = [fromBase64url(saltText), fromBase64url(hashText)]
  const powerOfTwo = cost.N >= 2 && (cost.N & (cost.N - 1)) === 0
  // 128·N·r bytes of memory: 32 MB at most, a quarter of what a Durable Object has.
  if (!salt?.byteLength || hash?.byteLength !== HASH_BYTES || !powerOfTwo || !cost.p || !cost.r)
    throw new KeyError('BadSecret', 'PASSWORD_HASH must have the form scrypt$N$r$p$salt$hash')
  if (cost.N * cost.r > 2 ** 18) throw new KeyError('BadSecret', 'PASSWORD_HASH asks for too much memory')
  return { cost, salt, hash }
}

/** Throws KeyError if the stored hash cannot be used. */
export const assertPasswordHash = (stored: Secret): void => void parseHash(stored.reveal())

/**
 * Compares in constant time. Throws KeyError only if the stored hash itself cannot be used. The work is a second and
 * less; `pause` is awaited every few milliseconds of it, so that the thread does other work.
 */
export const verifyPassword = async (
  password: Secret,
  stored: Secret,
  pause: () => Promise<unknown> = async () => {},
): Promise<boolean> => {
  const { cost, salt, hash } = parseHash(stored.reveal())
  const given = password.reveal()
  if (given === '' || given.length > MAX_PASSWORD_LENGTH) return false
  return timingSafeEqual(await pausingScrypt(given, salt, HASH_BYTES, cost, pause), hash)
}

const digest = (value: Secret) => createHash('sha256').update(value.reveal(), 'utf8').digest()

/** Compares in constant time whatever the lengths, because it compares hashes. */
export const equalSecret = (a: Secret, b: Secret): boolean => timingSafeEqual(digest(a), digest(b))

/** Reads an `Authorization: Basic …` header; `undefined` if it is not one. */
export const parseBasic = (header: string): { user: string; password: Secret } | undefined => {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header.slice(0, 4096))?.[1]
  if (encoded === undefined) return undefined
  try {
    const pair = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(encoded, 'base64'),
    )
    const colon = pair.indexOf(':')
    if (colon < 0) return undefined
    return { user: pair.slice(0, colon), password: new Secret(pair.slice(colon + 1)) }
  } catch {
    return undefined
  }
}
