import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'

/** The networks from which a right password has come: strangers who guess from others do not shut them out. */
export interface KnownNetworks {
  has(network: string): boolean
  /** Called for each right password of the account or of the admin, not for those of apps. */
  remember(network: string): void
}

/** The networks used last. Each has as many sign-ins as any network, so few are enough. */
const MAX_NETWORKS = 20
/** A network is not written down again within this time: the admin password comes with every request. */
const REFRESH_S = 3600

/** Kept among the counters of the rate limits: `window_start` is when the network was last seen, in seconds. */
const keyOf = (network: string): string => `known@${network}`

export const createKnownNetworks = ({
  sql,
  platform,
}: {
  sql: Sql
  platform: Pick<Platform, 'now'>
}): KnownNetworks => {
  const seenAt = (network: string): number | undefined =>
    sql.first<{ at: number }>('SELECT window_start AS at FROM rate WHERE key = ?', keyOf(network))?.at
  return {
    has: (network) => seenAt(network) !== undefined,
    remember: (network) => {
      const now = Math.floor(platform.now() / 1000)
      const at = seenAt(network)
      if (at !== undefined && Math.abs(now - at) < REFRESH_S) return
      sql.transaction(() => {
        sql.run(
          `INSERT INTO rate (key, window_start, used) VALUES (?, ?, 1)
           ON CONFLICT (key) DO UPDATE SET window_start = excluded.window_start`,
          keyOf(network),
          now,
        )
        sql.run(
          `DELETE FROM rate WHERE key LIKE 'known@%' AND key NOT IN
           (SELECT key FROM rate WHERE key LIKE 'known@%' ORDER BY window_start DESC LIMIT ?)`,
          MAX_NETWORKS,
        )
      })
    },
  }
}
