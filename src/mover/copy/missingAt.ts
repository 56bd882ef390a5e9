import { type Client, pages } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { parallel } from '../../parallel.ts'
import { moverFailure } from '../refusal.ts'
import type { Target } from '../target.ts'
import { type CopyDeps, declines, retryOptions } from './copyDeps.ts'
import { sourceBlobError } from './readBlob.ts'

export interface MissingAtOptions {
  readonly did: string
  readonly target: Pick<Target, 'client'>
  /** At the same time. */
  readonly parallel: number
}

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
export async function missingAt(
  deps: CopyDeps,
  { target, did, parallel: limit }: MissingAtOptions,
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
