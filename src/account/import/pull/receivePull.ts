import { Buffer } from 'node:buffer'
import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import { CarError } from '../../../repo/car/carError.ts'
import { readCar } from '../../../repo/car/readCar.ts'
import { SectionReader } from '../../../repo/car/sectionReader.ts'
import { CommitError, parseCommit } from '../../../repo/commit.ts'
import { chunksOf } from '../../../streams/chunks.ts'
import type { Sql } from '../../db/sql.ts'
import type { SourceAnswer } from './askSource.ts'
import { PullError } from './pullError.ts'
import { appendPart, changePull, nextPart, type PullState } from './pullState.ts'

export interface ReceivePullDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
  /** The most bytes that a CAR may have. */
  maxBytes(): number
}

/** Bytes of a part, well below the 2 MB of a row. */
const PART_BYTES = 1024 * 1024
/** A source that takes longer for a part than this is given up for now: it may send a byte now and then for ever. */
const PART_MS = 3 * 60_000

/** Refuses what is not this account's repository before all of it is fetched. The rest is verified later. */
const checkBeginning = async (bytes: Uint8Array, did: string, host: string): Promise<void> => {
  const refuse = (error: string, what: string) => new PullError('Refused', error, `${host} sends ${what}`)
  const once = async function* () {
    yield bytes
  }
  try {
    const car = await readCar(once())
    const { value: run } = await car.runs().next()
    const section = run && new SectionReader(run)
    const [root] = car.roots
    if (!section?.next() || !root) return
    // The commit need not come first.
    if (!Buffer.from(root.bytes).equals(section.bytes.subarray(section.cidAt, section.blockAt))) return
    const commit = parseCommit(section.content.slice())
    if (commit.did !== did) throw refuse('WrongDid', `the repository of ${commit.did}, not of ${did}`)
  } catch (cause) {
    if (cause instanceof CarError && cause.code === 'TruncatedCar') return
    if (cause instanceof CarError || cause instanceof CommitError)
      throw refuse(cause.code, `what is not a repository: ${cause.message}`)
    throw cause
  }
}

/**
 * Stores what the source sends, a part at a time: after an interruption, it goes on behind the last one. Where the source
 * can resume, nothing that has come is lost.
 */
export const receivePull = async (
  { sql, platform, did, maxBytes }: ReceivePullDeps,
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

  const assertFits = (bytes: number): void => {
    if (bytes > maxBytes())
      throw new PullError(
        'Refused',
        'PayloadTooLarge',
        `${host} sends at least ${bytes} bytes, and ${maxBytes()} fit: the database of an object has 10 GB, and a repository needs twice its size while it moves in`,
      )
  }

  const store = async (isLast: boolean): Promise<void> => {
    if (received === 0 && filled > 0) await checkBeginning(part.subarray(0, filled), did, host)
    signal.throwIfAborted()
    assertFits(received + filled)
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
    assertFits(size ?? 0)
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
