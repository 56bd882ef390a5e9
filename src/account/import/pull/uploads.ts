import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import { chunksOf } from '../../../streams/chunks.ts'
import { error, XrpcError } from '../../../xrpc/errors.ts'
import type { Sql } from '../../db/sql.ts'
import type { Imports } from '../imports.ts'
import { checkBeginning } from './checkBeginning.ts'
import { PullError } from './pullError.ts'
import { pullFailure } from './pullFailure.ts'
import {
  appendPart,
  arrivalOf,
  assertFits,
  canResume,
  changePull,
  isUnfinished,
  nextPart,
  PART_BYTES,
  type PullState,
  readPull,
  UPLOAD_SCHEME,
  writePull,
} from './pullState.ts'

/** Bytes of a CAR. */
export interface UploadedPart {
  /** Of the whole CAR, in hex. */
  sha256: string
  /** The byte of the CAR that `body` begins with. */
  offset: number
  body: ReadableStream<Uint8Array>
}

/**
 * Takes in, part by part, a repository that is too large for one request and that no server has: a backup. What has come
 * is stored where a pull stores what it has fetched, and imported as that is, by the alarm, once all of it is here.
 */
export interface Uploads {
  /**
   * Begins an upload, or goes on with the one of the same CAR. Throws `PullInProgress` or `ImportInProgress` while another
   * repository comes in, and `PayloadTooLarge` where it will not fit.
   */
  begin(upload: { sha256: string; size: number }): void
  /**
   * Stores what is not here yet of a part. Throws `UploadNotFound`, `PartMissing`, or what is wrong with the bytes; what
   * came before that is kept.
   */
  put(part: UploadedPart): Promise<void>
}

export interface UploadsDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
  imports: Pick<Imports, 'progress' | 'endStalled'>
}

export const createUploads = ({ sql, platform, did, imports }: UploadsDeps): Uploads => {
  /** The upload of this CAR, which is not given up. */
  const requireUpload = (sha256: string): PullState & { size: number } => {
    const pull = readPull(sql)
    const { size } = pull ?? {}
    if (pull?.source === UPLOAD_SCHEME + sha256 && pull.state !== 'failed' && size !== undefined)
      return { ...pull, size }
    const why =
      pull?.source === UPLOAD_SCHEME + sha256
        ? `the upload of ${sha256} has failed: ${pull.detail.message ?? ''}`
        : `no upload of ${sha256} is under way`
    throw new XrpcError('UploadNotFound', `${why}. com.cirrus.admin.beginRepoUpload begins it`)
  }

  /** What is here of the upload stays as it was, and nothing more is taken. */
  const refuse = (cause: unknown): never => {
    if (!(cause instanceof PullError)) throw cause
    sql.transaction(() => changePull(sql, (pull) => pullFailure(pull, cause, () => {}).changes))
    throw error('InvalidRequest', `${cause.error}: ${cause.message}`)
  }

  /** Stores the bytes from `at` on, without those that are here. */
  const store = (sha256: string, at: number, bytes: Uint8Array): void =>
    sql.transaction(() => {
      const { received, size } = requireUpload(sha256)
      if (at > received) throw partMissing(at, received)
      if (at + bytes.length > size)
        throw error('InvalidRequest', `the part ends behind the CAR, which has ${size} bytes`)
      const fresh = bytes.subarray(Math.min(bytes.length, received - at))
      if (fresh.length === 0) return
      appendPart(sql, fresh)
      const isLast = received + fresh.length === size
      changePull(sql, () => ({ changedAt: platform.now(), ...(isLast && { state: 'verifying' }) }))
    })

  const partMissing = (offset: number, received: number): XrpcError =>
    new XrpcError(
      'PartMissing',
      `offset: ${offset} is behind what was received, ${received} bytes: send those from there on`,
    )

  return {
    begin: ({ sha256, size }) => {
      const source = UPLOAD_SCHEME + sha256
      const before = readPull(sql)
      const same = before?.source === source && before.size === size ? before : undefined
      if (before && !same && isUnfinished(before))
        throw new XrpcError('PullInProgress', `${arrivalOf(before)}: com.cirrus.admin.cancelPull ends that`)
      const startedAt = platform.now()
      const asked = { failures: 0, detail: {}, startedAt }
      if (same && same.state !== 'done' && canResume(same)) {
        const state = same.received === size ? 'verifying' : 'receiving'
        sql.transaction(() => writePull(sql, { ...same, ...asked, state }))
      } else {
        imports.endStalled()
        if (imports.progress)
          throw new XrpcError('ImportInProgress', 'a repository is being imported: try again in a minute')
        assertFits(sql, size, 'the upload')
        const fresh: PullState = {
          ...asked,
          source,
          state: 'receiving',
          needsToken: false,
          mayResume: true,
          pieces: 1,
          size,
          first: nextPart(sql, before?.first),
          received: 0,
          changedAt: startedAt,
        }
        sql.transaction(() => writePull(sql, fresh))
      }
      fault('pull.afterBegun')
    },
    put: async ({ sha256, offset, body }) => {
      const { received, size } = requireUpload(sha256)
      const chunks = chunksOf(body)
      const part = new Uint8Array(PART_BYTES)
      let [at, filled] = [offset, 0]
      const keep = async (): Promise<void> => {
        const bytes = part.subarray(0, filled)
        if (at === 0 && requireUpload(sha256).received === 0)
          await checkBeginning(bytes, did, 'the upload').catch(refuse)
        store(sha256, at, bytes)
        at += filled
        filled = 0
        fault('pull.afterPart')
      }
      try {
        if (offset > received) throw partMissing(offset, received)
        assertFits(sql, size, 'the upload')
        for (let chunk = await chunks.next(); chunk; chunk = await chunks.next())
          while (chunk.length > 0) {
            const fitting = chunk.subarray(0, PART_BYTES - filled)
            part.set(fitting, filled)
            filled += fitting.length
            chunk = chunk.subarray(fitting.length)
            if (filled === PART_BYTES) await keep()
          }
        if (filled > 0) await keep()
        if (requireUpload(sha256).state === 'verifying') fault('pull.afterReceived')
      } catch (cause) {
        await chunks.cancel(cause)
        throw cause
      }
    },
  }
}
