import { readAnnounced, setAnnounced } from '../db/accountRow.ts'
import type { Sql } from '../db/sql.ts'

/** What the last `#identity` event said. */
export interface Announced {
  handle: string
  /** did:key of `#atproto`; null if the DID did not name one. */
  key: string | null
  /** The handle that the account had here then. */
  configured: string
}

/** What the network was last told; undefined if it was never told anything. */
export const lastAnnounced = (sql: Sql): Announced | undefined => {
  const announced = readAnnounced(sql)
  // Only `storeAnnounced` writes it.
  return announced === undefined ? undefined : (JSON.parse(announced) as Announced)
}

/** Runs inside the transaction that appends the event. */
export const storeAnnounced = (sql: Sql, { handle, key, configured }: Announced): void =>
  setAnnounced(sql, JSON.stringify({ handle, key, configured }))
