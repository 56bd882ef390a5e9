import { parallel } from '../../parallel.ts'
import { moverFailure } from '../refusal.ts'
import type { Source } from '../source.ts'
import type { Target } from '../target.ts'
import { type ByteBudget, createByteBudget } from './byteBudget.ts'
import { type CopyDeps, pauseMs } from './copyDeps.ts'
import { missingAt } from './missingAt.ts'
import { BlobError, type BlobReason, HELD_BYTES, readBlob, sourceBlobError } from './readBlob.ts'
import { isWorthWaiting, sendBlob, type Sending, sendingOf, targetBlobError } from './sendBlob.ts'
import type { NeededBlob } from './writeRepo.ts'

/** A blob that did not arrive: never silently, and with what is in its way. */
export interface MissingBlob {
  readonly cid: string
  /** Where it failed. */
  readonly side: 'source' | 'target'
  readonly reason: BlobReason
  /** What the server said. */
  readonly text: string
  /** The path of a record that refers to it. */
  readonly path: string
  /** In bytes, where that is known. */
  readonly size: number | undefined
}

export interface CopiedBlobs {
  /** Blobs that records of the tree refer to. */
  readonly needed: number
  /** How many the target had already. */
  readonly already: number
  /** How many were sent. */
  readonly copied: number
  readonly bytes: number
  /** Needed, and not at the target. */
  readonly missing: readonly MissingBlob[]
}

export interface CopyBlobsOptions {
  readonly did: string
  readonly source: Pick<Source, 'client'>
  readonly target: Pick<Target, 'client'>
  /** Those of the final tree, from its CAR: what servers list and count is something else. */
  readonly blobs: ReadonlyMap<string, NeededBlob>
  /** CIDs of blobs that the owner agreed to leave behind: they are not asked for. */
  readonly left?: readonly string[] | undefined
  /** At the same time; 6. */
  readonly parallel?: number | undefined
}

/** How many requests there are at the same time. */
const PARALLEL = 6
/**
 * Of all blobs that are held at the same time. `fetch` copies what it sends, so that they take at most twice as much
 * memory. Larger blobs pass through, and take what the network has of them.
 */
export const MAX_HELD_BYTES = 2 * HELD_BYTES
/** How often one blob is tried again at once, before it comes back at the end. */
const TRIES = 3
/** How often those that failed are gone through again. */
const ROUNDS = 2

/** How much of a blob is held: all, where the record says that it is small, and none of a large one. */
const heldBytes = ({ size }: NeededBlob): number => {
  if (size === undefined || !(size > 0)) return HELD_BYTES
  return size <= HELD_BYTES ? size : 0
}

/**
 * Fetches one blob and sends it, at most `TRIES` times. At most `held` bytes of it are held. Returns its size. Throws
 * BlobError, or what ends the copy.
 */
async function copyBlob(
  deps: CopyDeps,
  options: CopyBlobsOptions,
  blob: NeededBlob,
  held: number,
): Promise<number> {
  const { source, target, did } = options
  const { cid } = blob
  let sending: Sending | undefined
  for (let attempt = 1; ; attempt++) {
    let side: 'source' | 'target' = 'source'
    try {
      sending ??= sendingOf(await readBlob(deps, source.client, did, cid, held), blob)
      side = 'target'
      await sendBlob(deps, target.client, cid, sending)
      return sending.blob.size ?? blob.size ?? 0
    } catch (cause) {
      deps.signal.throwIfAborted()
      // What passes through was sent once; what is held is not asked for again.
      if (sending?.blob.bytes === undefined) sending = undefined
      const now = deps.now()
      const error = side === 'source' ? sourceBlobError(cause) : targetBlobError(cause, now)
      if (!error) throw moverFailure(cause, side)
      // Bytes that were damaged on the way may be right the next time.
      const again = error.reason === 'wrong-bytes' || isWorthWaiting(cause, now)
      if (!again || attempt >= TRIES) throw error
      await deps.wait(pauseMs(cause, attempt, now), deps.signal)
    }
  }
}

const withinBudget = async <T>(
  budget: ByteBudget,
  bytes: number,
  work: (bytes: number) => Promise<T>,
): Promise<T> => {
  const giveBack = await budget.take(bytes)
  try {
    return await work(bytes)
  } finally {
    giveBack()
  }
}

/**
 * Copies every blob of the final tree that the target lacks: some at a time, small ones in memory and large ones as they
 * come, each verified by its hash and sent once. What fails is tried again, and what cannot be had is listed with its
 * side and reason. A second run copies only what is missing then. Throws MoverError only for what concerns all of them,
 * such as a session that is over.
 */
export async function copyBlobs(deps: CopyDeps, options: CopyBlobsOptions): Promise<CopiedBlobs> {
  const { blobs, left = [], parallel: limit = PARALLEL } = options
  const target = { ...options, parallel: limit }
  const wanted = [...blobs.values()].filter(({ cid }) => !left.includes(cid))
  const problems = new Map<string, BlobError>()
  const sent = new Set<string>()
  const budget = createByteBudget(MAX_HELD_BYTES)
  let bytes = 0
  let due = await missingAt(
    deps,
    target,
    wanted.map(({ cid }) => cid),
  )
  const already = wanted.length - due.length
  const report = () => deps.progress?.({ bytes, count: already + sent.size, totalCount: wanted.length })
  report()

  for (let round = 0; round < ROUNDS && due.length > 0; round++) {
    let full: BlobError | undefined
    await parallel(due, limit, async (cid) => {
      const blob = blobs.get(cid)
      if (!blob) return
      if (full) return void problems.set(cid, full)
      try {
        const size = await withinBudget(budget, heldBytes(blob), (held) =>
          copyBlob(deps, options, blob, held),
        )
        // Added after the wait: `bytes += await …` would read the sum before it, and lose what others added meanwhile.
        bytes += size
        sent.add(cid)
        problems.delete(cid)
        report()
      } catch (cause) {
        if (!(cause instanceof BlobError)) throw cause
        problems.set(cid, cause)
        // It takes nothing more for longer than anyone waits: the others would only hear the same.
        if (cause.reason === 'rate-limited') full = cause
      }
    })
    // What a target answered to an upload counts for nothing: it is asked for each.
    const gone = await missingAt(deps, target, [...sent])
    for (const cid of gone) {
      sent.delete(cid)
      problems.set(
        cid,
        new BlobError('target', 'not-kept', 'it answered that it took the blob, and does not have it'),
      )
    }
    due = full
      ? []
      : [...problems].filter(([, { reason }]) => isWorthAnotherRound(reason)).map(([cid]) => cid)
  }

  const missing = [...problems].map(([cid, { side, reason, message }]): MissingBlob => {
    const blob = blobs.get(cid)
    return { cid, side, reason, text: message, path: blob?.path ?? '', size: blob?.size }
  })
  return { needed: blobs.size, already, copied: sent.size, bytes, missing }
}

const isWorthAnotherRound = (reason: BlobReason): boolean =>
  reason === 'failing' || reason === 'not-kept' || reason === 'wrong-bytes'
