import { waitUntil } from 'cloudflare:workers'
import type { Env } from './config.ts'
import type { Secret } from './crypto/secret.ts'

declare const __FAULTS__: boolean

/**
 * What the account takes from the outside world: time, randomness, the network and the blob bucket. Everything in the
 * server takes them from here, so that tests can run time, fail the network and inject faults at any call.
 */
export interface Platform {
  /** Milliseconds since the epoch. */
  now(): number
  /** Bytes from a cryptographically secure source. */
  random(length: number): Uint8Array
  /** Waits. A timer keeps the object awake, so nothing waits that could hibernate. */
  sleep(ms: number): Promise<void>
  /** Calls `ring` after so many milliseconds, unless the function that it returns is called before. */
  timer(ms: number, ring: () => void): () => void
  /**
   * Lets the request that is running wait for this work even when its client is gone, for half a minute at most:
   * others may wait for the same work.
   */
  keepAlive(work: Promise<unknown>): void
  /** The network. Only src/outbound.ts calls it. */
  fetch: typeof fetch
  /** Whether a password has this hash. Another object finds out, one for each network: it takes up to a second. */
  matchesPassword(network: string, password: Secret, stored: Secret): Promise<boolean>
  /** Where blobs are kept. */
  bucket: R2Bucket
}

let overrides: Partial<Platform> = {}

/** Tests only: replaces members of the platform of every object that is made afterwards. */
export const overridePlatform = (platform: Partial<Platform>): void => {
  overrides = platform
}

/** The real platform. Only this function uses the globals. */
export const createPlatform = ({ BLOBS, PASSWORDS }: Pick<Env, 'BLOBS' | 'PASSWORDS'>): Platform => ({
  now: () => Date.now(),
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  timer: (ms, ring) => {
    const id = setTimeout(ring, ms)
    return () => clearTimeout(id)
  },
  keepAlive: (work) => waitUntil(work),
  fetch: (input, init) => fetch(input, init),
  matchesPassword: (network, password, stored) =>
    PASSWORDS.getByName(network).matches(password.reveal(), stored.reveal()),
  bucket: BLOBS,
  ...(typeof __FAULTS__ !== 'undefined' && __FAULTS__ ? overrides : {}),
})
