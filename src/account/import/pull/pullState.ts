import { error } from '../../../xrpc/errors.ts'
import { DATABASE_LIMIT_BYTES } from '../../db/databaseLimit.ts'
import { bytes, type Sql } from '../../db/sql.ts'

/** Bytes of a part, well below the 2 MB of a row. */
export const PART_BYTES = 1024 * 1024

/** What the source of an upload begins with; the hash of the CAR follows. No server has such an origin. */
export const UPLOAD_SCHEME = 'sha256:'

/** What is stored of the latest pull. There is no token in it. Times are in milliseconds. */
export interface PullState {
  /** Origin of the server that it fetches from; for an upload, `UPLOAD_SCHEME` and the hash of the CAR. */
  source: string
  state: 'receiving' | 'verifying' | 'done' | 'failed'
  /** The source was asked with a token, or wants one. */
  needsToken: boolean
  /**
   * False after answers that did not fit together: only the whole CAR from one answer is taken. Of an upload: false after
   * what came was refused.
   */
  mayResume: boolean
  /** The commit, where the source can resume its CAR. */
  root?: string | undefined
  /** How many answers what was received is from. */
  pieces: number
  /** Bytes of the CAR, where that is known: of an upload, always. */
  size?: number | undefined
  /** The first row of `pull_part` that belongs to it: those before are of an earlier beginning. */
  first: number
  /** Bytes of the CAR that are stored. */
  received: number
  /** Failures in a row. */
  failures: number
  /** Why it failed, or waits; and what it has imported, once it is done. */
  detail: PullDetail
  startedAt: number
  changedAt: number
}

export interface PullDetail {
  error?: string
  message?: string
  rev?: string
  commit?: string
  records?: number
}

export const readPull = (sql: Sql): PullState | undefined => {
  const row = sql.first<{ state: string }>('SELECT state FROM pull')
  return row && (JSON.parse(row.state) as PullState)
}

/** Stores a pull in place of the one before, or none. */
export const writePull = (sql: Sql, pull: PullState | undefined): void => {
  sql.assertTransaction()
  sql.run('DELETE FROM pull')
  if (pull) sql.run('INSERT INTO pull (id, state) VALUES (1, ?)', JSON.stringify(pull))
}

/** Changes the pull that is stored, if it was not cancelled. */
export const changePull = (sql: Sql, changes: (pull: PullState) => Partial<PullState>): void => {
  const pull = readPull(sql)
  if (pull) writePull(sql, { ...pull, ...changes(pull) })
}

/** Whether there is still something to be done for it. */
export const isUnfinished = ({ state }: PullState): boolean => state === 'receiving' || state === 'verifying'

/** Whether the CAR is uploaded, and not fetched. */
export const isUpload = ({ source }: PullState): boolean => source.startsWith(UPLOAD_SCHEME)

/** Whether it can go on with what it has, after an interruption. */
export const canResume = (pull: PullState): boolean =>
  isUpload(pull) ? pull.mayResume : pull.root !== undefined

/** What is under way, for a message. */
export const arrivalOf = (pull: PullState): string =>
  isUpload(pull)
    ? `the repository is being uploaded (${pull.source})`
    : `the repository is being fetched from ${pull.source}`

/** Refuses a CAR that will not fit: twice, as it came and as the repository that is made of it. */
export const assertFits = (sql: Sql, size: number, sender: string): void => {
  const room = Math.max(
    0,
    Math.floor((DATABASE_LIMIT_BYTES - sql.databaseSize + (readPull(sql)?.received ?? 0)) / 2),
  )
  if (size > room)
    throw error(
      'PayloadTooLarge',
      `${sender} sends at least ${size} bytes, and ${room} fit: the database of an object has 10 GB, and a repository needs twice its size while it moves in`,
    )
}

/** The number of the next part. */
export const nextPart = (sql: Sql, first = 1): number =>
  Math.max(first, (sql.first<{ n: number | null }>('SELECT max(n) AS n FROM pull_part')?.n ?? 0) + 1)

/** Stores the next bytes. */
export const appendPart = (sql: Sql, part: Uint8Array): void =>
  changePull(sql, ({ first, received }) => {
    sql.run('INSERT INTO pull_part (n, bytes) VALUES (?, ?)', nextPart(sql, first), part)
    return { received: received + part.length }
  })

/** What was received, one part after the other: the function gives the next, and undefined at the end. */
export const partReader = (sql: Sql, { first }: PullState): (() => Uint8Array | undefined) => {
  let n = first
  return () => {
    const row = sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM pull_part WHERE n = ?', n++)
    return row && bytes(row.bytes)
  }
}

/** Deletes up to `limit` parts that no pull needs; `more`: there may be more of them. */
export const deleteOldParts = (sql: Sql, limit: number): { more: boolean } => {
  const pull = readPull(sql)
  // One that has failed may go on with what it has.
  const isNeeded = pull && (isUnfinished(pull) || (pull.state === 'failed' && canResume(pull)))
  const before = isNeeded ? pull.first : Number.MAX_SAFE_INTEGER
  const deleted = sql.run(
    'DELETE FROM pull_part WHERE n IN (SELECT n FROM pull_part WHERE n < ? ORDER BY n LIMIT ?)',
    before,
    limit,
  )
  return { more: deleted > 0 }
}
