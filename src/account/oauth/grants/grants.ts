import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { Grant, Grants } from '../types.ts'
import type { GrantRow, GrantRows } from './grantRows.ts'

export interface GrantsDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  grantRows: GrantRows
}

/** The journal's event for grants that ended before their time. */
const ENDED_EVENT = 'end-grants'

/** Ends one grant within a transaction, and says why in the journal. */
export type EndGrant = (row: Pick<GrantRow, 'id' | 'clientId'>, reason: string) => void

export const createEndGrant =
  ({ grantRows, journal }: Pick<GrantsDeps, 'grantRows' | 'journal'>): EndGrant =>
  ({ id, clientId }, reason) => {
    grantRows.delete(id)
    journal.append(ENDED_EVENT, { reason, ended: 1, grant: id, client: clientId })
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
  const { sql, platform, journal, grantRows } = deps
  const endGrant = createEndGrant(deps)

  const find: Grants['find'] = (id) => {
    const row = grantRows.read(id)
    return row && row.expiresAt > platform.now() ? grantOf(row) : undefined
  }

  return {
    find,
    list: () => grantRows.list(platform.now()).flatMap((row) => grantOf(row) ?? []),
    end: (id) =>
      sql.transaction(() => {
        const grant = find(id)
        if (!grant) return false
        endGrant(grant, 'owner')
        return true
      }),
    endAll: (reason) =>
      sql.transaction(() => {
        const ended = grantRows.deleteAll(platform.now())
        if (ended > 0) journal.append(ENDED_EVENT, { reason, ended })
        return ended
      }),
  }
}
