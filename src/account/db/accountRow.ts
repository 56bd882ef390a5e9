/** The account's row, and the state that follows from it. */
import type { State } from '../../policy.ts'
import type { Sql } from './sql.ts'

export interface AccountRow {
  stored: 'new' | 'active' | 'deactivated'
  /** Milliseconds, like every time here. Undefined while the account was never active here. */
  activatedAt: number | undefined
  deactivatedAt: number | undefined
  /** As the caller gave it. Shown, never acted on. */
  deleteAfter: string | undefined
  tokensNotBefore: number
  /** The other PDS that the DID was seen to name; `''` where it names none. */
  movedTo: string | undefined
  movedAt: number | undefined
}

type Row = {
  state: string
  activated_at: number | null
  deactivated_at: number | null
  delete_after: string | null
  tokens_not_before: number
  moved_to: string | null
  moved_at: number | null
}

const stored = (state: string): AccountRow['stored'] => {
  if (state === 'new' || state === 'active' || state === 'deactivated') return state
  throw new Error(`the account's row has the unknown state ${JSON.stringify(state)}`)
}

export const readAccount = (sql: Sql): AccountRow => {
  const row = sql.first<Row>(
    `SELECT state, activated_at, deactivated_at, delete_after, tokens_not_before, moved_to, moved_at FROM account`,
  )
  if (!row) throw new Error('the account has no row')
  return {
    stored: stored(row.state),
    activatedAt: row.activated_at ?? undefined,
    deactivatedAt: row.deactivated_at ?? undefined,
    deleteAfter: row.delete_after ?? undefined,
    tokensNotBefore: row.tokens_not_before,
    movedTo: row.moved_to ?? undefined,
    movedAt: row.moved_at ?? undefined,
  }
}

/** A deactivated account stays deactivated wherever its DID points. */
export const stateOf = (row: AccountRow): State => {
  if (row.stored === 'new') return 'absent'
  if (row.stored === 'deactivated') return 'deactivated'
  return row.movedTo === undefined ? 'active' : 'moved'
}
