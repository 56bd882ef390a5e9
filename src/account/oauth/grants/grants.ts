import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { Grant, Grants } from './types.ts'
import { ENDED_EVENT, type EndGrant } from './endGrant.ts'
import type { GrantRow, GrantRows } from './grantRows.ts'

export interface GrantsDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  grantRows: GrantRows
  endGrant: EndGrant
}

const grantOf = ({ id, clientId, clientName, scope, expanded, jkt, ...row }: GrantRow): Grant | undefined =>
  row.refresh === undefined || jkt === undefined
    ? undefined
    : {
        id,
        clientId,
        clientName,
        scope,
        expanded,
        jkt,
        createdAt: row.createdAt,
        lastUsedAt: row.lastUsedAt,
        expiresAt: row.expiresAt,
      }

/** Grants as the owner and the policy see them: what was approved and not exchanged yet is none. */
export const createGrants = (deps: GrantsDeps): Grants => {
  const { sql, platform, journal, grantRows, endGrant } = deps

  const find: Grants['find'] = (id) => {
    const row = grantRows.read(id)
    return row && row.expiresAt > platform.now() ? grantOf(row) : undefined
  }

  return {
    find,
    list: () => grantRows.list(platform.now()).flatMap((row) => grantOf(row) ?? []),
    end: (id) => {
      const grant = find(id)
      if (!grant) return false
      endGrant(grant, 'owner')
      fault('oauth.afterEnd')
      return true
    },
    endAll: (reason) =>
      sql.transaction(() => {
        const ended = grantRows.deleteAll(platform.now())
        if (ended > 0) journal.append(ENDED_EVENT, { reason, ended })
        return ended
      }),
  }
}
