import { createHash } from 'node:crypto'
import { parseCid } from '@atproto/lex-data'
import { chunksOf } from '../../streams/chunks.ts'
import type { Platform } from '../../platform.ts'
import { sameDigest } from '../../repo/sha256.ts'
import type { BlobMeta, Blobs } from './blobs.ts'

/** What of the stored blobs was read and hashed. */
export interface VerifiedBlobs {
  blobs: number
  bytes: number
  /** CIDs of those whose object is gone, or has other bytes. */
  wrong: string[]
  /** The last CID that was read: the next page begins after it. Undefined at the end. */
  next: string | undefined
}

export interface VerifyBlobsDeps {
  blobs: Pick<Blobs, 'get' | 'listStored' | 'counts'>
  platform: Pick<Platform, 'random'>
}

/** The most that one request reads of the bucket. The last blob may exceed the bytes. */
const MAX_BLOBS = 40
const MAX_BYTES = 48 * 1024 * 1024
/** How many blobs are a sample. */
const SAMPLE_BLOBS = 16
/** What the CID of every blob begins with: version 1, raw, sha-256. The next letter has only three bits of the hash. */
const CID_PREFIX = 'bafkrei'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

const isRight = async ({ blobs }: VerifyBlobsDeps, { cid, size }: BlobMeta): Promise<boolean> => {
  const blob = await blobs.get(cid)
  if (!blob) return false
  const hash = createHash('sha256')
  const chunks = chunksOf(blob.body)
  let bytes = 0
  for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) {
    bytes += chunk.byteLength
    if (bytes > size) {
      await chunks.cancel()
      return false
    }
    hash.update(chunk)
  }
  return bytes === size && sameDigest(hash.digest(), parseCid(cid).multihash.digest)
}

const verify = async (deps: VerifyBlobsDeps, list: readonly BlobMeta[]): Promise<VerifiedBlobs> => {
  const found: VerifiedBlobs = { blobs: 0, bytes: 0, wrong: [], next: undefined }
  for (const blob of list) {
    if (found.bytes >= MAX_BYTES) return found
    if (!(await isRight(deps, blob))) found.wrong.push(blob.cid)
    found.blobs++
    found.bytes += blob.size
    found.next = blob.cid
  }
  return found
}

/** Reads the stored blobs after a CID, in order, as many as one request may. */
export const verifyBlobs = async (deps: VerifyBlobsDeps, cursor: string): Promise<VerifiedBlobs> => {
  const page = deps.blobs.listStored({ cursor, limit: MAX_BLOBS })
  const found = await verify(deps, page.blobs)
  const isWhole = found.blobs === page.blobs.length && page.cursor === undefined
  return { ...found, next: isWhole ? undefined : found.next }
}

/** CIDs are hashes: the first one after a random place is a random one. */
const randomBlob = ({ blobs, platform }: VerifyBlobsDeps): BlobMeta | undefined => {
  const place = [...platform.random(8)].map((byte, i) => BASE32.charAt(byte % (i === 0 ? 8 : 32))).join('')
  const after = (cursor: string) => blobs.listStored({ cursor, limit: 1 }).blobs[0]
  return after(CID_PREFIX + place) ?? after('')
}

/** So many blobs at random, or fewer where the same come up again and again. */
const randomBlobs = (deps: VerifyBlobsDeps, count: number): BlobMeta[] => {
  const chosen = new Map<string, BlobMeta>()
  for (let tries = 0; tries < 4 * count && chosen.size < count; tries++) {
    const blob = randomBlob(deps)
    if (blob) chosen.set(blob.cid, blob)
  }
  return [...chosen.values()]
}

/** Reads some blobs at random; all of them where there are few. */
export const verifySomeBlobs = async (deps: VerifyBlobsDeps): Promise<VerifiedBlobs> => {
  const isFew = deps.blobs.counts().stored <= SAMPLE_BLOBS
  const chosen = isFew
    ? deps.blobs.listStored({ limit: SAMPLE_BLOBS }).blobs
    : randomBlobs(deps, SAMPLE_BLOBS)
  return { ...(await verify(deps, chosen)), next: undefined }
}
