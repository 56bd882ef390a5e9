import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import { chunksOf } from '../../../streams/chunks.ts'
import type { Sql } from '../../db/sql.ts'
import type { SourceAnswer } from './askSource.ts'
import { checkBeginning } from './checkBeginning.ts'
import { PullError } from './pullError.ts'
import { appendPart, assertFits, changePull, nextPart, PART_BYTES, type PullState } from './pullState.ts'

export interface ReceivePullDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
}

/** A source that takes longer for a part than this is given up for now: it may send a byte now and then for ever. */
const PART_MS = 3 * 60_000

/**
 * Stores what the source sends, a part at a time: after an interruption, it goes on behind the last one. Where the source
 * can resume, nothing that has come is lost.
 */
export const receivePull = async (
  { sql, platform, did }: ReceivePullDeps,
  { source }: PullState,
  { body, offset, size, root }: SourceAnswer,
  signal: AbortSignal,
): Promise<void> => {
  const { host } = new URL(source)
  const chunks = chunksOf(body, { asTheyCome: true })
  const stop = (): void => void chunks.cancel(signal.reason)
  signal.addEventListener('abort', stop)
  const part = new Uint8Array(PART_BYTES)
  let [received, filled, partAt] = [offset, 0, platform.now()]

  const store = async (isLast: boolean): Promise<void> => {
    if (received === 0 && filled > 0) await checkBeginning(part.subarray(0, filled), did, host)
    signal.throwIfAborted()
    assertFits(sql, received + filled, host)
    sql.transaction(() => {
      if (filled > 0) appendPart(sql, part.subarray(0, filled))
      changePull(sql, ({ failures }) => ({
        changedAt: platform.now(),
        detail: {},
        // A whole part is progress, but not where all of it has to come again after the next failure.
        ...(filled === PART_BYTES && root !== undefined ? { failures: 0 } : { failures }),
        ...(isLast && { state: 'verifying' }),
      }))
    })
    received += filled
    filled = 0
    partAt = platform.now()
    fault('pull.afterPart')
  }

  const brokenOff = (): PullError =>
    new PullError('Retry', 'UpstreamFailure', `${host} broke off after ${received + filled} bytes`)

  const next = (): Promise<Uint8Array | undefined> =>
    chunks.next().catch(() => {
      throw brokenOff()
    })

  const beginning = (pull: PullState): Partial<PullState> =>
    offset > 0
      ? { pieces: pull.pieces + 1 }
      : {
          first: nextPart(sql, pull.first),
          received: 0,
          pieces: 1,
          size,
          root: pull.mayResume ? root : undefined,
          changedAt: platform.now(),
        }

  try {
    signal.throwIfAborted()
    assertFits(sql, size ?? 0, host)
    sql.transaction(() => changePull(sql, beginning))
    fault('pull.afterAnswer')
    for (let chunk = await next(); chunk; chunk = await next()) {
      signal.throwIfAborted()
      while (chunk.length > 0) {
        const fitting = chunk.subarray(0, PART_BYTES - filled)
        part.set(fitting, filled)
        filled += fitting.length
        chunk = chunk.subarray(fitting.length)
        if (filled === PART_BYTES) await store(false)
      }
      if (platform.now() - partAt > PART_MS)
        throw new PullError('Retry', 'RequestTimeout', `${host} sends too slowly`)
    }
    signal.throwIfAborted()
    if (received + filled < (size ?? 0)) throw brokenOff()
    await store(true)
    fault('pull.afterReceived')
  } catch (cause) {
    await chunks.cancel(cause)
    const isPassing = cause instanceof PullError && cause.code === 'Retry'
    if (isPassing && filled > 0 && root !== undefined && !signal.aborted) await store(false)
    throw cause
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
