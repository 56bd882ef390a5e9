import { type Client, pages } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { parallel } from '../../parallel.ts'
import { moverFailure } from '../refusal.ts'
import type { Source, Target } from '../types.ts'
import { type CopyDeps, declines, pauseMs, retryOptions } from './copyDeps.ts'
import { BlobError, type BlobReason, readBlob, sourceBlobError } from './readBlob.ts'
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

const PARALLEL = 6
/** How often one blob is tried again at once, before it comes back at the end. */
const TRIES = 3
/** How often those that failed are gone through again. */
const ROUNDS = 2
/** How many of the blobs that a target says it has are asked for. */
const SAMPLE = 16

/** CIDs that the target lists as missing; undefined where it has no such list. */
async function listMissing(deps: CopyDeps, client: Client): Promise<Set<string> | undefined> {
  const missing = new Set<string>()
  const retry = retrying(retryOptions(deps))
  try {
    const list = pages((page) =>
      retry(() =>
        client.com.atproto.repo.listMissingBlobs({ limit: 1000, ...page }, { signal: deps.signal }),
      ),
    )
    for await (const { blobs } of list) for (const { cid } of blobs) missing.add(cid)
    return missing
  } catch (cause) {
    deps.signal.throwIfAborted()
    if (declines(cause)) return undefined
    throw moverFailure(cause, 'target')
  }
}

/** Whether the target gives the blob out; undefined where it gives nothing out, so that nothing follows. */
async function asksFor(
  deps: CopyDeps,
  client: Client,
  did: string,
  cid: string,
): Promise<boolean | undefined> {
  try {
    const { body } = await retrying(retryOptions(deps, 2))(() =>
      client.com.atproto.sync.getBlob({ did, cid }, { signal: deps.signal }),
    )
    await body.cancel()
    return true
  } catch (cause) {
    deps.signal.throwIfAborted()
    const found = sourceBlobError(cause)
    if (!found) throw moverFailure(cause, 'target')
    return found.reason === 'not-found' && !/deactivated/i.test(found.message) ? false : undefined
  }
}

/** Some of the list, spread over it. */
const sampleOf = (cids: readonly string[]): string[] => {
  const step = Math.max(1, cids.length / SAMPLE)
  return [
    ...new Set(Array.from({ length: Math.min(SAMPLE, cids.length) }, (_, i) => cids[Math.floor(i * step)])),
  ].filter((cid) => cid !== undefined)
}

/**
 * Which of these the target has not. Where its list leaves some out, a sample of them is asked for; if one of the sample
 * is not there, the list is worth nothing, and each is asked for. (The proof at the end of a move asks for every blob.)
 */
async function missingAt(
  deps: CopyDeps,
  { target, did, parallel: limit = PARALLEL }: CopyBlobsOptions,
  cids: readonly string[],
): Promise<string[]> {
  const listed = await listMissing(deps, target.client)
  const missing = new Set(cids.filter((cid) => listed?.has(cid)))
  const claimed = cids.filter((cid) => !missing.has(cid))
  const ask = async (some: readonly string[]) => {
    const before = missing.size
    await parallel(some, limit, async (cid) => {
      const there = await asksFor(deps, target.client, did, cid)
      // Where it shows nothing, its list counts; without a list, the blob is sent.
      if (there === false || (there === undefined && !listed)) missing.add(cid)
    })
    return missing.size > before
  }
  const sample = sampleOf(claimed)
  const asked = new Set(sample)
  if (await ask(sample)) await ask(claimed.filter((cid) => !asked.has(cid)))
  return cids.filter((cid) => missing.has(cid))
}

/** Fetches one blob and sends it, at most `TRIES` times. Returns its size. Throws BlobError, or what ends the copy. */
async function copyBlob(deps: CopyDeps, options: CopyBlobsOptions, blob: NeededBlob): Promise<number> {
  const { source, target, did } = options
  const { cid } = blob
  let sending: Sending | undefined
  for (let attempt = 1; ; attempt++) {
    let side: 'source' | 'target' = 'source'
    try {
      sending ??= sendingOf(await readBlob(deps, source.client, did, cid), blob)
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

/**
 * Copies every blob of the final tree that the target lacks: some at a time, small ones in memory and large ones as they
 * come, each verified by its hash and sent once. What fails is tried again, and what cannot be had is listed with its
 * side and reason. A second run copies only what is missing then. Throws MoverError only for what concerns all of them,
 * such as a session that is over.
 */
export async function copyBlobs(deps: CopyDeps, options: CopyBlobsOptions): Promise<CopiedBlobs> {
  const { blobs, left = [] } = options
  const wanted = [...blobs.values()].filter(({ cid }) => !left.includes(cid))
  const problems = new Map<string, BlobError>()
  const sent = new Set<string>()
  let bytes = 0
  let due = await missingAt(
    deps,
    options,
    wanted.map(({ cid }) => cid),
  )
  const already = wanted.length - due.length
  const report = () => deps.progress?.({ bytes, count: already + sent.size, totalCount: wanted.length })
  report()

  for (let round = 0; round < ROUNDS && due.length > 0; round++) {
    let full: BlobError | undefined
    await parallel(due, options.parallel ?? PARALLEL, async (cid) => {
      const blob = blobs.get(cid)
      if (!blob) return
      if (full) return void problems.set(cid, full)
      try {
        const size = await copyBlob(deps, options, blob)
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
    const gone = await missingAt(deps, options, [...sent])
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
