import { AsyncLocalStorage } from 'node:async_hooks'

/** A value for SQLite. Binary values come back as ArrayBuffer. */
export type SqlValue = ArrayBuffer | ArrayBufferView | string | number | null

type Row = Record<string, SqlStorageValue>

/** Throws if the request that is running may no longer act. */
export type Guard = () => void

/**
 * The object's SQLite. Every read is collected at once: an open cursor is not a snapshot, because rows that are written
 * ahead of it appear in it, and a rollback ends it.
 */
export class Sql {
  /** Rows written so far, as Cloudflare bills them. */
  written = 0
  /** Transactions that were rolled back so far: what was remembered of the rows may be wrong after one. */
  rollbacks = 0
  readonly #storage: DurableObjectStorage
  /** The guard of the request that is running; it follows the request through every `await`. */
  readonly #guards = new AsyncLocalStorage<Guard | undefined>()
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

  /** Runs a statement; returns how many rows it wrote. */
  run(query: string, ...params: SqlValue[]): number {
    const cursor = this.#storage.sql.exec(query, ...params)
    cursor.toArray()
    this.written += cursor.rowsWritten
    return cursor.rowsWritten
  }

  /**
   * Runs all of `work` or nothing of it. It must be synchronous: an async function would commit at its first await.
   * In a request, the request's guard runs right before it: see `guarded`.
   */
  transaction<T>(work: () => T): T {
    if (this.#depth === 0) this.assertGuard()
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

  /**
   * Runs a request. Each transaction that it begins, however late, calls `guard` first, which throws if the request may
   * no longer act: its session has ended, its token has expired or was revoked, or the account is in another state.
   */
  guarded<T>(guard: Guard, work: () => T): T {
    return this.#guards.run(guard, work)
  }

  /**
   * Runs `work` without the request's guard: for what must be written although the request may no longer act. That is
   * what has happened already (an observation of the DID, an operation that the directory has taken), and what tidies up.
   */
  unguarded<T>(work: () => T): T {
    return this.#guards.run(undefined, work)
  }

  /** Calls the guard of the request that is running: before something that no transaction can undo. */
  assertGuard(): void {
    this.#guards.getStore()?.()
  }

  /** For writes that are right only if they are committed together with others. */
  assertTransaction(): void {
    if (this.#depth === 0) throw new Error('must run inside a transaction')
  }

  get databaseSize(): number {
    return this.#storage.sql.databaseSize
  }
}

/** The bytes of a binary column. */
export const bytes = (value: ArrayBuffer): Uint8Array => new Uint8Array(value)
