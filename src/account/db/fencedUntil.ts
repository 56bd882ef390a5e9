import type { Platform } from '../../platform.ts'
import { readAccount } from './accountRow.ts'
import type { Sql } from './sql.ts'

export interface FenceDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
}

/** Until when writes are fenced off, in milliseconds; undefined while they are not. The fence ends by itself. */
export const fencedUntil = ({ sql, platform }: FenceDeps): number | undefined => {
  const until = readAccount(sql).fencedUntil
  return until !== undefined && until > platform.now() ? until : undefined
}
