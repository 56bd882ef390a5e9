import { RECOVERY_WINDOW_MS } from '../../plc/verifyLog.ts'
import type { Platform } from '../../platform.ts'
import { readAccount } from './accountRow.ts'
import type { Sql } from './sql.ts'

/**
 * What this server has of an account whose DID names another PDS: nothing of it is deleted or replaced before `until`,
 * in which time the rotation can be taken back, and before it is recorded that everything is there.
 */
export interface Retention {
  /** The PDS that the DID names; `''` if it names none. */
  pds: string
  /** Milliseconds since the epoch. */
  until: number
  /** It was recorded that everything is there. */
  verified: boolean
}

export interface RetentionDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
}

/** The retention lock, while it holds. Its time counts from when the move was noticed here, which is not before the rotation. */
export const readRetention = ({ sql, platform }: RetentionDeps): Retention | undefined => {
  const { storedState, movedTo, movedAt, verifiedAt, releasedAt } = readAccount(sql)
  if (storedState === 'deleted' || movedTo === undefined || movedAt === undefined) return undefined
  const until = movedAt + RECOVERY_WINDOW_MS
  const verified = verifiedAt !== undefined
  if (releasedAt !== undefined || (verified && platform.now() >= until)) return undefined
  return { pds: movedTo, until, verified }
}
