import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { GrantRow, GrantRows } from './grantRows.ts'

/** The journal's event for grants that ended before their time. */
export const ENDED_EVENT = 'end-grants'

/** The journal's event for an app that gave its grant back. */
const SIGNED_OUT_EVENT = 'app-sign-out'
/** The reason for it. */
export const BY_APP = 'signed out by the app'

/** Ends one grant, and says why in the journal. One that has ended already is left. */
export type EndGrant = (grant: Pick<GrantRow, 'id' | 'clientId'>, reason: string) => void

export const createEndGrant =
  ({ sql, grantRows, journal }: { sql: Sql; grantRows: GrantRows; journal: Journal }): EndGrant =>
  ({ id, clientId }, reason) =>
    sql.transaction(() => {
      if (!grantRows.read(id)) return
      grantRows.delete(id)
      const detail = { grant: id, client: clientId }
      if (reason === BY_APP) journal.append(SIGNED_OUT_EVENT, detail)
      else journal.append(ENDED_EVENT, { reason, ended: 1, ...detail })
    })
