import type { State } from '../../policy.ts'
import type { Sql } from './sql.ts'

/** What the account's one row says of its state. Times are in milliseconds since the epoch. */
export interface AccountRow {
  storedState: 'new' | 'active' | 'deactivated' | 'deleted'
  /** Undefined if the account was never active here. */
  activatedAt: number | undefined
  deactivatedAt: number | undefined
  /** As the caller gave it. It is shown, and nothing is done by it. */
  deleteAfter: string | undefined
  /** Migration tokens from before this time are refused. */
  tokensNotBefore: number
  /** The other PDS that the DID named when it was last looked up; `''` if it named none. */
  movedTo: string | undefined
  /** When that was noticed first. */
  movedAt: number | undefined
  /** When it was recorded that everything is at that PDS; undefined until then. */
  verifiedAt: number | undefined
  /** When the owner gave up the retention lock of this move: see retention.ts. */
  releasedAt: number | undefined
  /** Writes are fenced off before this time. */
  fencedUntil: number | undefined
}

type Row = {
  state: string
  activated_at: number | null
  deactivated_at: number | null
  delete_after: string | null
  tokens_not_before: number
  moved_to: string | null
  moved_at: number | null
  verified_at: number | null
  released_at: number | null
  fenced_until: number | null
}

const parseState = (state: string): AccountRow['storedState'] => {
  if (state === 'new' || state === 'active' || state === 'deactivated' || state === 'deleted') return state
  throw new Error(`the account's row has the unknown state ${JSON.stringify(state)}`)
}

/** The state of the account, from its one row, which only this module and head.ts read and write. */
export const readAccount = (sql: Sql): AccountRow => {
  const row = sql.first<Row>(
    `SELECT state, activated_at, deactivated_at, delete_after, tokens_not_before, moved_to, moved_at, verified_at,
     released_at, fenced_until FROM account`,
  )
  if (!row) throw new Error('the account has no row')
  return {
    storedState: parseState(row.state),
    activatedAt: row.activated_at ?? undefined,
    deactivatedAt: row.deactivated_at ?? undefined,
    deleteAfter: row.delete_after ?? undefined,
    tokensNotBefore: row.tokens_not_before,
    movedTo: row.moved_to ?? undefined,
    movedAt: row.moved_at ?? undefined,
    verifiedAt: row.verified_at ?? undefined,
    releasedAt: row.released_at ?? undefined,
    fencedUntil: row.fenced_until ?? undefined,
  }
}

/** The account's state for the policy. A deactivated account stays deactivated, wherever its DID points. */
export const stateOf = (row: AccountRow): State => {
  if (row.storedState === 'new') return 'absent'
  if (row.storedState === 'deactivated' || row.storedState === 'deleted') return row.storedState
  return row.movedTo === undefined ? 'active' : 'moved'
}

/** Makes the row of a new object. Its `seq` begins at the current time: see `readSeqFloor`. */
export const openAccountRow = (sql: Sql, did: string, now: number): void => {
  sql.run('INSERT INTO account (id, did, seq, created_at) VALUES (1, ?, ?, ?)', did, now, now)
}

/** The DID that this object was made for. */
export const readDid = (sql: Sql): string | undefined =>
  sql.first<{ did: string }>('SELECT did FROM account')?.did

/** Makes the account active; what an earlier deactivation or move left in the row is cleared. */
export const setActive = (sql: Sql, now: number): void => {
  sql.run(
    `UPDATE account SET state = 'active', activated_at = ?, deactivated_at = NULL, delete_after = NULL,
     moved_to = NULL, moved_at = NULL, verified_at = NULL, released_at = NULL, fenced_until = NULL`,
    now,
  )
}

export const setDeactivated = (sql: Sql, now: number, deleteAfter?: string): void => {
  sql.run(
    `UPDATE account SET state = 'deactivated', deactivated_at = ?, delete_after = ?, fenced_until = NULL`,
    now,
    deleteAfter ?? null,
  )
}

/** For ever. The head goes with it: there is no repository any more. */
export const setDeleted = (sql: Sql, now: number): void => {
  sql.assertTransaction()
  sql.run(
    `UPDATE account SET state = 'deleted', deactivated_at = ?, delete_after = NULL, root = NULL, data = NULL, rev = NULL,
     blocks = 0, records = 0, staging = NULL`,
    now,
  )
}

export const setDeleteAfter = (sql: Sql, deleteAfter: string): void => {
  sql.run('UPDATE account SET delete_after = ?', deleteAfter)
}

/** `movedTo` is undefined where the DID names this server again. What was verified was another move. */
export const setMovedTo = (sql: Sql, movedTo: string | undefined, now: number): void => {
  sql.run(
    'UPDATE account SET moved_to = ?, moved_at = ?, verified_at = NULL, released_at = NULL',
    movedTo ?? null,
    movedTo === undefined ? null : now,
  )
}

/** Notes that the owner gave up what the retention lock of this move keeps. */
export const setReleased = (sql: Sql, now: number): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET released_at = ?', now)
}

/** Notes that everything is at the PDS that the DID names. */
export const setVerified = (sql: Sql, now: number): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET verified_at = ?', now)
}

/** Writes are fenced off before this time (milliseconds); undefined: they are not. */
export const setFencedUntil = (sql: Sql, until: number | undefined): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET fenced_until = ?', until ?? null)
}

/** The revision that every new one must be above: one that another server gave to this account. */
export const readRevFloor = (sql: Sql): string | undefined =>
  sql.first<{ floor: string | null }>('SELECT rev_floor AS floor FROM account')?.floor ?? undefined

/** It never goes down. */
export const raiseRevFloor = (sql: Sql, floor: string): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET rev_floor = ?1 WHERE rev_floor IS NULL OR rev_floor < ?1', floor)
}

/** Tokens from before this time (milliseconds) are refused from now on. The time never goes back. */
export const raiseTokensNotBefore = (sql: Sql, notBefore: number): void => {
  sql.run('UPDATE account SET tokens_not_before = max(tokens_not_before, ?)', notBefore)
}

/**
 * Every event has a number above this one. It begins at the current time, so that an object that is made again for the
 * same DID goes on above the numbers of the one before it: relays would ignore lower ones.
 */
export const readSeqFloor = (sql: Sql): number =>
  sql.first<{ seq: number }>('SELECT seq FROM account')?.seq ?? 0

export const raiseSeqFloor = (sql: Sql, seq: number): void => {
  sql.run('UPDATE account SET seq = ? WHERE seq < ?', seq, seq)
}

/** The number of the first event of this object. */
export const readFirstSeq = (sql: Sql): number | undefined =>
  sql.first<{ first: number }>('SELECT created_at + 1 AS first FROM account')?.first

/** What the network was last told of the identity, as JSON: see identity/identityWatch.ts. */
export const readAnnounced = (sql: Sql): string | undefined =>
  sql.first<{ announced: string | null }>('SELECT announced FROM account')?.announced ?? undefined

export const setAnnounced = (sql: Sql, announced: string): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET announced = ?', announced)
}

/** The handle that the account took here; undefined while it has the configured one. */
export const readHandle = (sql: Sql): string | undefined =>
  sql.first<{ handle: string | null }>('SELECT handle FROM account')?.handle ?? undefined

export const setHandle = (sql: Sql, handle: string): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET handle = ?', handle)
}

/** did:key of the signing key that was put in use here; undefined while it is the configured one. */
export const readSigningKey = (sql: Sql): string | undefined =>
  sql.first<{ key: string | null }>('SELECT signing_key AS key FROM account')?.key ?? undefined

export const setSigningKey = (sql: Sql, key: string): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET signing_key = ?', key)
}

/** What this host's did.json names in place of this server. */
export interface ElsewhereDid {
  /** Origin of the PDS. */
  pds: string
  /** did:key. */
  signingKey: string
  handle: string
}

/** What did.json names, where the owner had it name another PDS; undefined while it names this server. */
export const readElsewhereDid = (sql: Sql): ElsewhereDid | undefined => {
  const row = sql.first<{ did: string | null }>('SELECT elsewhere_did AS did FROM account')
  return row?.did == null ? undefined : (JSON.parse(row.did) as ElsewhereDid)
}

export const setElsewhereDid = (sql: Sql, did: ElsewhereDid | undefined): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET elsewhere_did = ?', did === undefined ? null : JSON.stringify(did))
}

/** Whether the account password opens neither pages nor sessions. */
export const readPasswordDisabled = (sql: Sql): boolean =>
  sql.first<{ disabled: number | null }>('SELECT password_disabled AS disabled FROM account')?.disabled === 1

export const setPasswordDisabled = (sql: Sql, disabled: boolean): void => {
  sql.assertTransaction()
  sql.run('UPDATE account SET password_disabled = ?', disabled ? 1 : null)
}
