/** The PLC operations that were signed here: written down before a signature leaves. */
import type { Operation } from '../../plc/types.ts'
import type { Sql } from '../db/sql.ts'

export interface LedgerEntry {
  /** Of the token that asked for it, or `void:<prev>`. */
  jti: string
  /** Milliseconds. */
  at: number
  /** Hash of what was asked for. */
  request: string
  /** The signed operation as JSON: the very text that is answered, every time. */
  operation: string
  cid: string
  prev: string
}

type Row = { jti: string; at: number; request: string; operation: string; cid: string; prev: string }

const COLUMNS = 'jti, at, request, operation, cid, prev'

export const voidId = (prev: string): string => `void:${prev}`

/** Stored by us out of a typed operation, so the text has this shape. */
export const storedOperation = (entry: LedgerEntry): Operation => JSON.parse(entry.operation) as Operation

export class PlcLedger {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  find(jti: string): LedgerEntry | undefined {
    return this.#sql.first<Row>(`SELECT ${COLUMNS} FROM plc_ledger WHERE jti = ?`, jti)
  }

  /** Part of the transaction that has seen that there is none for this `jti`. */
  store({ jti, at, request, operation, cid, prev }: LedgerEntry): void {
    this.#sql.assertTransaction()
    this.#sql.run(
      `INSERT INTO plc_ledger (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
      jti,
      at,
      request,
      operation,
      cid,
      prev,
    )
  }

  /**
   * Operations that follow this head, oldest first. While it is the head none of them is in the
   * directory, and each can still be sent. Those that void others change nothing and are left out.
   */
  waitingOn(prev: string): LedgerEntry[] {
    const rows = this.#sql.all<Row>(
      `SELECT ${COLUMNS} FROM plc_ledger WHERE prev = ? AND jti <> ? ORDER BY at, jti`,
      prev,
      voidId(prev),
    )
    // Two tokens may have brought the same operation.
    return rows.filter((row, i) => rows.findIndex(({ cid }) => cid === row.cid) === i)
  }

  signedSince(time: number): boolean {
    return this.#sql.first('SELECT 1 AS yes FROM plc_ledger WHERE at >= ? LIMIT 1', time) !== undefined
  }
}
