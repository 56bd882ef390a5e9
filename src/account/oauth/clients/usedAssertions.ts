import { createHash } from 'node:crypto'
import type { Platform } from '../../../platform.ts'
import { crowdedOut } from '../crowdedOut.ts'

export interface UsedAssertionsDeps {
  platform: Pick<Platform, 'now'>
  /** How long an assertion can be valid, in milliseconds. */
  lifetimeMs: number
}

/** The assertions that were taken: each is taken once. */
export interface UsedAssertions {
  /** `full`: this client has sent too many. `network` is its server's. */
  take(clientId: string, jti: string, network: string | undefined): 'taken' | 'replayed' | 'full'
}

/** Assertions of one client, and clients, in the time that an assertion lives. */
const MAX_OF_CLIENT = 500
const MAX_CLIENTS = 200

interface Used {
  clientId: string
  network: string | undefined
  ids: Set<string>
}

/**
 * Remembers them in memory. After a restart one that was used could be sent again while it is valid, but not with the
 * DPoP proof that came with it, whose nonce the restart made useless. Anybody can make up clients: of too many, one is
 * forgotten whose neighbours are the most, and none is refused.
 */
export const createUsedAssertions = ({ platform, lifetimeMs }: UsedAssertionsDeps): UsedAssertions => {
  // Two spans of time: what is older than the former cannot be valid any longer.
  let [former, current] = [new Map<string, Used>(), new Map<string, Used>()]
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
    take: (clientId, jti, network) => {
      update()
      const id = createHash('sha256').update(jti).digest('base64url')
      const used = current.get(clientId) ?? { clientId, network, ids: new Set() }
      if (used.ids.has(id) || former.get(clientId)?.ids.has(id)) return 'replayed'
      if (used.ids.size >= MAX_OF_CLIENT) return 'full'
      if (!current.has(clientId) && current.size >= MAX_CLIENTS)
        current.delete(crowdedOut([...current.values()], network)?.clientId ?? '')
      current.set(clientId, used)
      used.ids.add(id)
      return 'taken'
    },
  }
}
