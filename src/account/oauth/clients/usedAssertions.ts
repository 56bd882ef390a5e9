import { createHash } from 'node:crypto'
import type { Platform } from '../../../platform.ts'

export interface UsedAssertionsDeps {
  platform: Pick<Platform, 'now'>
  /** How long an assertion can be valid, in milliseconds. */
  lifetimeMs: number
  /** Whether a client holds a grant: strangers must not be able to keep it out. */
  hasGrant(clientId: string): boolean
}

/** The assertions that were taken: each is taken once. */
export interface UsedAssertions {
  take(clientId: string, jti: string): 'taken' | 'replayed' | 'full'
}

/** Assertions of one client, and clients, in the time that an assertion lives. */
const MAX_OF_CLIENT = 500
const MAX_CLIENTS = 200

/**
 * Remembers them in memory. After a restart one that was used could be sent again while it is valid, but not with the
 * DPoP proof that came with it, whose nonce the restart made useless.
 */
export const createUsedAssertions = ({
  platform,
  lifetimeMs,
  hasGrant,
}: UsedAssertionsDeps): UsedAssertions => {
  // Two spans of time: what is older than the former cannot be valid any longer.
  let [former, current] = [new Map<string, Set<string>>(), new Map<string, Set<string>>()]
  let startedAt = platform.now()

  const update = (): void => {
    const age = platform.now() - startedAt
    if (age >= 0 && age < lifetimeMs) return
    // If the clock has gone back, nothing is forgotten.
    if (age >= 0) {
      former = age < 2 * lifetimeMs ? current : new Map()
      current = new Map()
    }
    startedAt = platform.now()
  }

  return {
    take: (clientId, jti) => {
      update()
      const id = createHash('sha256').update(jti).digest('base64url')
      const used = current.get(clientId) ?? new Set()
      if (used.has(id) || former.get(clientId)?.has(id)) return 'replayed'
      const isNew = !current.has(clientId)
      if (used.size >= MAX_OF_CLIENT || (isNew && current.size >= MAX_CLIENTS && !hasGrant(clientId)))
        return 'full'
      current.set(clientId, used.add(id))
      return 'taken'
    },
  }
}
