import type { Warning } from '../../generated/types/com/cirrus/admin/getStatus.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { DATABASE_LIMIT_BYTES } from '../db/databaseLimit.ts'
import { MAX_SUBSCRIBERS } from '../events/subscriberLimits.ts'

/** What has a limit, and how much of it there is; and what of the configuration may have no effect. */
export interface Measured {
  databaseBytes: number
  /** The repository as a CAR, as it was last packed; 0 before that. */
  repositoryBytes: number
  /** Rows that this object has written since it started. */
  rowsWritten: number
  /** How long ago it started. */
  uptimeMs: number
  subscribers: number
  /** Subscribers of the firehose were refused or displaced within the last day. */
  wasFull: boolean
  /** HANDLE of the configuration. */
  configuredHandle: string
  /** The one that the account has. */
  handle: string
}

/** Rows that a free account may write in a day. */
const ROWS_LIMIT = 100_000
const DAY_MS = 24 * 3600_000
/** The share of a limit from which the owner is told. */
const SHARE = 0.8

const percent = (used: number, limit: number): string => `${Math.floor((100 * used) / limit)} %`
const number = (value: number): string => value.toLocaleString('en-US')
const megabytes = (bytes: number): string => `${number(Math.round(bytes / 1e6))} MB`

/** What is near its limit or has no effect, in sentences for the owner. */
export const warningsOf = (measured: Measured): Warning[] => {
  const { databaseBytes, repositoryBytes, rowsWritten, uptimeMs, subscribers, wasFull } = measured
  const { configuredHandle, handle } = measured
  const rowsInDay = Math.round(rowsWritten / Math.max(1, uptimeMs / DAY_MS))
  const found: [name: string, applies: boolean, message: string][] = [
    [
      'database-size',
      databaseBytes >= SHARE * DATABASE_LIMIT_BYTES,
      `The database has ${megabytes(databaseBytes)}, ${percent(databaseBytes, DATABASE_LIMIT_BYTES)} of the 10 GB of one object. At the limit, writes fail.`,
    ],
    [
      'repository-size',
      repositoryBytes >= SHARE * REQUEST_LIMIT_BYTES,
      `The repository has ${megabytes(repositoryBytes)}, ${percent(repositoryBytes, REQUEST_LIMIT_BYTES)} of the 100 MB that one request may have. A larger one can leave, be backed up and be restored, and another Cirrus takes it in parts; other servers and tools may not.`,
    ],
    [
      'rows-written',
      rowsInDay >= SHARE * ROWS_LIMIT,
      `The account writes ${number(rowsInDay)} rows a day, ${percent(rowsInDay, ROWS_LIMIT)} of what Cloudflare's free plan allows. At that limit, writes fail until midnight UTC.`,
    ],
    [
      'firehose-full',
      wasFull || subscribers >= SHARE * MAX_SUBSCRIBERS,
      `The firehose has ${number(subscribers)} of ${number(MAX_SUBSCRIBERS)} subscribers${wasFull ? ', and some were refused or displaced within the last day' : ''}. Relays still get in; \`pds log\` says which networks it were.`,
    ],
    [
      'handle-unused',
      handle !== configuredHandle,
      `HANDLE is ${configuredHandle} and has no effect: the account took the handle ${handle} here. To have it back: \`pds handle ${configuredHandle}\`; otherwise set HANDLE to ${handle}.`,
    ],
  ]
  return found.flatMap(([name, applies, message]) => (applies ? [{ name, message }] : []))
}
