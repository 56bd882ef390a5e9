/** What SQLite takes and gives back. BLOBs come back as ArrayBuffer. */
export type SqlValue = ArrayBuffer | ArrayBufferView | string | number | null

type Row = Record<string, SqlStorageValue>

/**
 * The object's SQLite. Every read is collected at once: an open cursor is no snapshot, rows
 * written ahead of it appear and a rollback kills it.
 */
export class Sql {
  /** Rows written so far, as Cloudflare bills them. */
  written = 0
  /** Transactions that were taken back so far: what memory knows of the rows may be wrong after one. */
  rollbacks = 0
  readonly #storage: DurableObjectStorage
  #depth = 0

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  all<T extends Row>(query: string, ...params: SqlValue[]): T[] {
    const cursor = this.#storage.sql.exec<T>(query, ...params)
    const rows = cursor.toArray()
    this.written += cursor.rowsWritten
    return rows
  }

  first<T extends Row>(query: string, ...params: SqlValue[]): T | undefined {
    return this.all<T>(query, ...params)[0]
  }

  /** Runs a statement; answers how many rows it wrote. */
  run(query: string, ...params: SqlValue[]): number {
    const cursor = this.#storage.sql.exec(query, ...params)
    cursor.toArray()
    this.written += cursor.rowsWritten
    return cursor.rowsWritten
  }

  /** All or nothing. `work` must be synchronous: an async one would commit at its first await. */
  transaction<T>(work: () => T): T {
    this.#depth++
    try {
      return this.#storage.transactionSync(work)
    } catch (cause) {
      this.rollbacks++
      throw cause
    } finally {
      this.#depth--
    }
  }

  /** For code whose writes mean nothing unless they stand or fall with others. */
  assertTransaction(): void {
    if (this.#depth === 0) throw new Error('must run inside a transaction')
  }

  get databaseSize(): number {
    return this.#storage.sql.databaseSize
  }
}

/** A column that holds bytes. */
export const bytes = (value: ArrayBuffer): Uint8Array => new Uint8Array(value)
