import type { Operation } from '../../plc/types.ts'
import type { Sql } from '../db/sql.ts'

/** The PLC operations that were signed here: each is written down before its signature leaves this server. */
export interface PlcLedger {
  /** What was signed for this token, or for this `voidId`. */
  find(jti: string): PlcLedgerEntry | undefined
  /** Runs inside the transaction that has found no entry for this `jti`. */
  store(entry: PlcLedgerEntry): void
  /**
   * The operations that follow the operation `prev`, oldest first. As long as `prev` is the head, none of them is in
   * the directory, and each can still be submitted. Operations that void others change nothing and are left out.
   */
  unsubmittedOn(prev: string): PlcLedgerEntry[]
  /** Whether an operation that may move the DID was signed at or after this time, in milliseconds. */
  signedSince(time: number): boolean
}

export interface PlcLedgerEntry {
  /** Of the migration token that asked for it, `voidId(prev)` or `ownId(id)`. */
  jti: string
  /** Milliseconds since the epoch. */
  at: number
  /** Hash of the request, or `void`. */
  request: string
  /** The signed operation as JSON. Every answer carries exactly this text. */
  operation: string
  cid: string
  prev: string
}

type Row = { jti: string; at: number; request: string; operation: string; cid: string; prev: string }

const COLUMNS = 'jti, at, request, operation, cid, prev'

/** The `jti` of the operation that voids the unsubmitted ones on this head. */
export const voidId = (prev: string): string => `void:${prev}`

/** The `jti` of an operation with which this server changes something by itself. */
export const ownId = (id: string): string => `own:${id}`

/** The text was made here from a typed operation, so it has that shape. */
export const storedOperation = (entry: PlcLedgerEntry): Operation => JSON.parse(entry.operation) as Operation

export const createPlcLedger = ({ sql }: { sql: Sql }): PlcLedger => ({
  find: (jti) => sql.first<Row>(`SELECT ${COLUMNS} FROM plc_ledger WHERE jti = ?`, jti),
  store: ({ jti, at, request, operation, cid, prev }) => {
    sql.assertTransaction()
    sql.run(
      `INSERT INTO plc_ledger (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
      jti,
      at,
      request,
      operation,
      cid,
      prev,
    )
  },
  unsubmittedOn: (prev) => {
    const rows = sql.all<Row>(
      `SELECT ${COLUMNS} FROM plc_ledger WHERE prev = ? AND jti <> ? ORDER BY at, jti`,
      prev,
      voidId(prev),
    )
    // Two tokens may have asked for the same operation.
    return rows.filter((row, i) => rows.findIndex(({ cid }) => cid === row.cid) === i)
  },
  signedSince: (time) =>
    sql.first(`SELECT 1 AS yes FROM plc_ledger WHERE at >= ? AND jti NOT LIKE 'own:%' LIMIT 1`, time) !==
    undefined,
})
