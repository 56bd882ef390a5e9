import { createHash } from 'node:crypto'
import { type Cid, cidForRawHash } from '@atproto/lex-data'
import type { Chunks } from '../../streams/chunks.ts'
import { error } from '../../xrpc/errors.ts'
import { putInParts } from './putInParts.ts'

/**
 * Streams a blob into the bucket and hashes it on the way. With `expect` and a declared length, the bucket checks the hash
 * too. If this throws, or the CID is not the one expected, the caller must delete what may have been stored.
 */
export const putBlob = async (
  bucket: R2Bucket,
  key: string,
  source: Chunks,
  options: { limit: number; length?: number; expect?: Cid } & R2MultipartOptions,
): Promise<{ cid: Cid; size: number }> => {
  const { limit, length, expect, ...rest } = options
  const hash = createHash('sha256')
  let size = 0
  /** The body's chunks, hashed and counted; throws where they do not have the right length. */
  const measured = async function* () {
    let ended = false
    try {
      for (let chunk = await source.next(); chunk; chunk = await source.next()) {
        size += chunk.byteLength
        if (size > limit) throw error('PayloadTooLarge', `the blob is larger than ${limit} bytes`)
        if (length !== undefined && size > length)
          throw error('InvalidRequest', 'more bytes than were declared')
        hash.update(chunk)
        yield chunk
      }
      if (length !== undefined && size < length)
        throw error('InvalidRequest', 'fewer bytes than were declared')
      ended = true
    } finally {
      // The body was refused, or the bucket gave up: the rest of it is not wanted.
      if (!ended) await source.cancel()
    }
  }
  if (length === undefined) await putInParts(bucket, key, measured(), rest)
  else {
    const fixed = new FixedLengthStream(length)
    const writer = fixed.writable.getWriter()
    // Every write throws the same error; without a listener it would be an unhandled rejection.
    writer.closed.catch(() => {})
    const pump = async () => {
      try {
        for await (const chunk of measured()) await writer.write(chunk)
        await writer.close()
      } catch (cause) {
        await writer.abort(cause).catch(() => {})
        throw cause
      }
    }
    const stored = bucket.put(
      key,
      fixed.readable,
      expect ? { ...rest, sha256: expect.multihash.digest } : rest,
    )
    // The pump's reason says more than the bucket's.
    const [pumped, put] = await Promise.allSettled([pump(), stored])
    const cause =
      pumped.status === 'rejected' ? pumped.reason : put.status === 'rejected' ? put.reason : undefined
    const cid = cidForRawHash(hash.digest())
    // Then the bucket has refused the hash: the caller says so better, from the CID.
    if (pumped.status === 'fulfilled' && expect && !expect.equals(cid)) return { cid, size }
    if (cause) throw cause
    return { cid, size }
  }
  return { cid: cidForRawHash(hash.digest()), size }
}
