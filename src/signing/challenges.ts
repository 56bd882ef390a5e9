import { Buffer } from 'node:buffer'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { fromBase64url, toBase64url } from '../crypto/base64url.ts'
import type { Secret } from '../crypto/secret.ts'
import { joinBytes } from '../streams/joinBytes.ts'
import { derivedKey } from './derivedKey.ts'

/** How long an authenticator has to answer a challenge. */
export const CHALLENGE_LIFETIME_MS = 5 * 60_000

const NONCE_BYTES = 16
const TIME_BYTES = 6
const MAC_BYTES = 32
const STATED_BYTES = NONCE_BYTES + TIME_BYTES

/**
 * Challenges for authenticators. Each says when it was made, and a MAC shows that it was made here: so nothing is kept of
 * those that are never answered, and a new start of the object forgets none. That one is not answered twice is for the
 * caller, who knows what an answer changes.
 */
export interface Challenges {
  /** `purpose` says what it is for: it is worth nothing for anything else. */
  issue(purpose: string, now: number): string
  /** When it was made, in milliseconds; undefined if it is not one of ours, not for this, or too old. */
  issuedAt(challenge: string, purpose: string, now: number): number | undefined
}

export const createChallenges = (deps: {
  session: Secret
  passwordHash: Secret
  random(length: number): Uint8Array
}): Challenges => {
  const key = derivedKey(deps.session, deps.passwordHash, 'passkey-challenge')
  const macOf = (stated: Uint8Array, purpose: string): Uint8Array =>
    createHmac('sha256', key).update(stated).update(purpose).digest()

  return {
    issue: (purpose, now) => {
      const time = Buffer.alloc(TIME_BYTES)
      time.writeUIntBE(now, 0, TIME_BYTES)
      const stated = joinBytes([deps.random(NONCE_BYTES), time])
      return toBase64url(joinBytes([stated, macOf(stated, purpose)]))
    },
    issuedAt: (challenge, purpose, now) => {
      if (challenge.length > 2 * (STATED_BYTES + MAC_BYTES)) return undefined
      const bytes = fromBase64url(challenge)
      if (bytes?.length !== STATED_BYTES + MAC_BYTES) return undefined
      const stated = bytes.subarray(0, STATED_BYTES)
      if (!timingSafeEqual(macOf(stated, purpose), bytes.subarray(STATED_BYTES))) return undefined
      const at = Buffer.from(stated).readUIntBE(NONCE_BYTES, TIME_BYTES)
      return at <= now && now - at < CHALLENGE_LIFETIME_MS ? at : undefined
    },
  }
}
