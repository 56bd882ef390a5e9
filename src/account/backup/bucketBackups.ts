import { createHash } from 'node:crypto'
import {
  type BackupObject,
  backupPrefix,
  backupStamp,
  type BucketBackup,
  formatBucketBackup,
} from '../../bucketBackup.ts'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import type { SigningKey } from '../../signing/keys.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { auditLogJson } from '../../plc/auditLogJson.ts'
import type { Blobs } from '../blobs/blobs.ts'
import { putInParts } from '../blobs/putInParts.ts'
import { readAccount, stateOf } from '../db/accountRow.ts'
import { readCounts, readHead } from '../db/head.ts'
import { readRetention } from '../db/retention.ts'
import type { Sql } from '../db/sql.ts'
import type { Journal, JournalDetail } from '../journal.ts'
import type { Preferences } from '../preferences.ts'
import type { Exports } from '../repo/exports/exports.ts'
import type { Records } from '../repo/records.ts'
import type { Repo } from '../repo/repo.ts'
import { signedManifest } from '../repo/signedManifest.ts'
import { eraseBackups, newestBackup, pruneBackups } from './keptBackups.ts'

/** The backups that the account makes of itself, into its bucket (`BACKUP`). */
export interface BucketBackups {
  /** Makes one if it is time. A failure is journalled, and tried again in an hour. */
  runIfDue(): Promise<void>
  /** Milliseconds until the next one; Infinity where none is made. */
  dueInMs(): number
  /** When the last one was made, and why the last try failed, if that is later. */
  last(): BackupState
  /** Of a deleted account: deletes its backups. `more`: there are more. */
  erase(): Promise<{ more: boolean }>
  /** Whether the bucket is known to have no backup. */
  isErased(): boolean
}

export interface BackupState {
  /** Milliseconds since the epoch. */
  at?: number
  rev?: string
  failedAt?: number
  error?: string
}

export interface BucketBackupsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep' | 'bucket'>
  journal: Journal
  did: string
  handle(): string
  origin: string
  signingKey: Pick<SigningKey, 'did' | 'signManifest'>
  repo: Pick<Repo, 'requireHead'>
  records: Pick<Records, 'countByCollection'>
  exports: Pick<Exports, 'repo'>
  blobs: Pick<Blobs, 'counts' | 'listObjects'>
  preferences: Pick<Preferences, 'get'>
  /** The DID's log, verified. */
  readLog(did: string): Promise<VerifiedLog>
  /** Whether backups are made at all. */
  daily: boolean
}

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS
const RETRY_MS = HOUR_MS
/** A failure is journalled once in so long. */
const JOURNAL_FAILURE_MS = 6 * HOUR_MS
const BLOB_PAGE = 1000

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

export const createBucketBackups = (deps: BucketBackupsDeps): BucketBackups => {
  const { sql, platform, journal, did, blobs } = deps
  const { bucket } = platform
  let triedAt: number | undefined
  let erased = false
  let known: BackupState | undefined

  const lastRow = (event: string): { at: number; detail: JournalDetail } | undefined => {
    const row = sql.first<{ at: number; detail: string }>(
      'SELECT at, detail FROM journal WHERE event = ? ORDER BY n DESC LIMIT 1',
      event,
    )
    return row && { at: row.at, detail: JSON.parse(row.detail) as JournalDetail }
  }

  const last = (): BackupState => {
    if (known) return known
    const made = lastRow('backup')
    const failed = lastRow('backup-failed')
    const isFailed = failed !== undefined && failed.at > (made?.at ?? 0)
    return (known = {
      ...(made && { at: made.at, rev: String(made.detail['rev']) }),
      ...(isFailed && { failedAt: failed.at, error: String(failed.detail['error']) }),
    })
  }

  const dueInMs = (): number => {
    const isThere = readHead(sql) !== undefined && stateOf(readAccount(sql)) !== 'deleted'
    if (!deps.daily || !isThere) return Infinity
    const now = platform.now()
    const next = Math.max((last().at ?? 0) + DAY_MS, (triedAt ?? last().failedAt ?? 0) + RETRY_MS)
    return Math.max(0, next - now)
  }

  /** Stores a stream of any length, in the memory of one part. */
  const put = async (key: string, chunks: AsyncIterable<Uint8Array>): Promise<BackupObject> => {
    const hash = createHash('sha256')
    let size = 0
    const measured = async function* () {
      for await (const chunk of chunks) {
        hash.update(chunk)
        size += chunk.byteLength
        yield chunk
      }
    }
    await putInParts(bucket, key, measured(), {})
    return { key, size, sha256: hash.digest('hex') }
  }
  const putText = (key: string, text: string): Promise<BackupObject> =>
    put(
      key,
      (async function* () {
        yield bytesOf(text)
      })(),
    )

  /**
   * Every stored blob, page by page. Also those that no record refers to: what is written meanwhile takes no blob of the
   * commit away, because a blob stays stored for a day after its last record.
   */
  const blobLines = async function* () {
    for (let cursor = ''; ;) {
      const page = blobs.listObjects({ cursor, limit: BLOB_PAGE })
      const end = page.at(-1)
      if (!end) return
      yield bytesOf(page.map((blob) => `${JSON.stringify(blob)}\n`).join(''))
      cursor = end.cid
      await platform.sleep(0)
    }
  }

  const logText = async (): Promise<string | undefined> => {
    if (!did.startsWith('did:plc:')) return undefined
    try {
      return `${JSON.stringify(auditLogJson(await deps.readLog(did)), null, 2)}\n`
    } catch {
      // The directory does not answer: a restore asks it again.
      return undefined
    }
  }

  const make = async (): Promise<BucketBackup> => {
    const now = platform.now()
    const folder = `${backupPrefix(did)}${backupStamp(now)}`
    const newest = await newestBackup(bucket, did)
    const plcLog = await logText()
    // What follows, up to the first await, is of one moment.
    const { rev, root, data } = deps.repo.requireHead()
    const commit = root.toString()
    const reused = newest?.commit === commit ? newest.objects.repo : undefined
    const car = reused ? undefined : deps.exports.repo()
    const { records } = readCounts(sql)
    const { stored, bytes } = blobs.counts()
    const preferences = { preferences: deps.preferences.get({ personalDetails: true }) }
    const manifest = await signedManifest(deps)
    const repo = car ? await put(`${backupPrefix(did)}repo/${commit}.car`, car.body) : reused
    if (!repo) throw new Error('there is no repository to back up')
    fault('backup.afterRepo')
    const backup: BucketBackup = {
      did,
      handle: deps.handle(),
      pds: deps.origin,
      createdAt: new Date(now).toISOString(),
      rev,
      commit,
      data: data.toString(),
      records,
      signingKey: deps.signingKey.did,
      blobs: { count: stored, bytes },
      objects: {
        repo,
        blobs: await put(`${folder}/blobs.jsonl`, blobLines()),
        preferences: await putText(`${folder}/preferences.json`, JSON.stringify(preferences)),
        manifest: await putText(`${folder}/manifest.jws`, `${manifest}\n`),
        ...(plcLog !== undefined && { plcLog: await putText(`${folder}/plc-log.json`, plcLog) }),
      },
    }
    await putText(`${folder}.json`, formatBucketBackup(backup))
    fault('backup.afterManifest')
    return backup
  }

  const noteFailure = (cause: unknown): void => {
    const error = (cause instanceof Error ? cause.message : String(cause)).slice(0, 300)
    const now = platform.now()
    if (!journal.hasAny(['backup-failed'], now - JOURNAL_FAILURE_MS))
      sql.transaction(() => journal.append('backup-failed', { error }))
    known = { ...last(), failedAt: now, error }
  }

  return {
    last,
    dueInMs,
    runIfDue: async () => {
      if (dueInMs() > 0) return
      triedAt = platform.now()
      try {
        const { rev, commit, records, objects, blobs: counts } = await make()
        const at = platform.now()
        sql.transaction(() =>
          journal.append('backup', { rev, commit, records, blobs: counts.count, bytes: objects.repo.size }),
        )
        known = { at, rev }
        fault('backup.afterJournal')
      } catch (cause) {
        noteFailure(cause)
        throw cause
      }
      // After the new one is whole. What cannot be deleted now is deleted the next time.
      if (!readRetention(deps)) await pruneBackups(bucket, did)
    },
    erase: async () => {
      if (erased) return { more: false }
      const { more } = await eraseBackups(bucket, did)
      erased = !more
      return { more }
    },
    isErased: () => erased,
  }
}
