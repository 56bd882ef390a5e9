import { createHash } from 'node:crypto'
import { digestOf } from '../../client/cid.ts'
import { type Client, XrpcError } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { parallel } from '../../parallel.ts'
import { sameDigest } from '../../repo/sha256.ts'
import type { MoverDeps } from '../moverDeps.ts'

const PARALLEL = 6
/** A server that fails for ever is a finding, and must not take minutes for each of a thousand blobs. */
const RETRIES = 2

/** Why a blob is not as it should be; undefined: it is there. */
type BlobProblem = 'missing' | 'other bytes' | 'failing' | undefined

export interface BlobsOptions {
  readonly did: string
  readonly client: Client
  readonly cids: readonly string[]
  /** Of which of them the bytes are fetched to the end and hashed. */
  readonly hashed: ReadonlySet<string>
  readonly signal: AbortSignal
  /** Waits between attempts, in place of a timer. */
  readonly wait?: MoverDeps['wait'] | undefined
  onProgress?(done: number): void
}

export interface BlobsFound {
  present: number
  hashed: number
  /** By CID, why it is not counted as present. */
  problems: Map<string, Exclude<BlobProblem, undefined>>
}

/** Whether a server's answer means that it does not have what was asked for, whatever name it gives the error. */
const isRefusal = ({ status }: XrpcError): boolean => status >= 400 && status < 500 && status !== 429

async function checkBlob(options: BlobsOptions, cid: string, isHashed: boolean): Promise<BlobProblem> {
  const { client, did, signal, wait } = options
  try {
    return await retrying({ retries: RETRIES, signal, ...(wait && { wait }) })(async () => {
      const { body } = await client.com.atproto.sync.getBlob({ did, cid }, { signal })
      if (!isHashed) {
        await body.cancel()
        return undefined
      }
      const hash = createHash('sha256')
      for await (const chunk of body) hash.update(chunk)
      return sameDigest(hash.digest(), digestOf(cid)) ? undefined : 'other bytes'
    })
  } catch (cause) {
    signal.throwIfAborted()
    // A body that breaks off rejects with an error of fetch.
    return cause instanceof XrpcError && isRefusal(cause) ? 'missing' : 'failing'
  }
}

/**
 * Asks a server for every one of these blobs. Its lists are not asked: what it counts and what it has are two things.
 */
export async function checkBlobs(options: BlobsOptions): Promise<BlobsFound> {
  const { cids, hashed, onProgress } = options
  const found: BlobsFound = { present: 0, hashed: 0, problems: new Map() }
  let done = 0
  await parallel(cids, PARALLEL, async (cid) => {
    const isHashed = hashed.has(cid)
    const problem = await checkBlob(options, cid, isHashed)
    if (problem) found.problems.set(cid, problem)
    else {
      found.present++
      if (isHashed) found.hashed++
    }
    onProgress?.(++done)
  })
  return found
}
