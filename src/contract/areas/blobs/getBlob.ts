import { createHash } from 'node:crypto'
import { parseCidSafe } from '@atproto/lex-data'
import { sameDigest } from '../../../repo/sha256.ts'
import type { Answer, Ask, Asking } from '../../ask.ts'

export const GET_BLOB = 'com.atproto.sync.getBlob'
/** Otherwise the length would be that of a compressed body. */
const AS_IT_IS = { 'accept-encoding': 'identity' }
/** A blob of more bytes is not read to its end. */
const MAX_BLOB_BYTES = 128 * 1024 * 1024
/** The bytes of a blob up to this size are kept. */
export const KEPT_BYTES = 1024 * 1024

/** An answer to getBlob. */
export interface GotBlob {
  readonly answer: Answer
  /** How many bytes came. */
  readonly length: number
  /** Whether they were read to their end. */
  readonly isWhole: boolean
  /** Whether they have the hash of the CID. */
  readonly isRight: boolean
  /** Those of a small blob. */
  readonly bytes: Uint8Array | undefined
}

/** Asks for a blob and reads it as it comes. */
export async function getBlob(ask: Asking, did: string, cid: string, more: Ask = {}): Promise<GotBlob> {
  const hash = createHash('sha256')
  const kept: Uint8Array[] = []
  let length = 0
  const answer = await ask(GET_BLOB, {
    query: { did, cid },
    ...more,
    headers: { ...AS_IT_IS, ...more.headers },
    take: async (body) => {
      for await (const chunk of body) {
        hash.update(chunk)
        length += chunk.length
        if (length <= KEPT_BYTES) kept.push(chunk)
        if (length > MAX_BLOB_BYTES) return
      }
    },
  })
  const digest = parseCidSafe(cid)?.multihash.digest
  const isWhole = length <= MAX_BLOB_BYTES
  return {
    answer,
    length,
    isWhole,
    isRight: digest !== undefined && sameDigest(hash.digest(), digest),
    bytes: length <= KEPT_BYTES ? new Uint8Array(Buffer.concat(kept)) : undefined,
  }
}

/** Asks for the headers of a blob. */
export const headBlob = (ask: Asking, did: string, cid: string): Promise<Answer> =>
  ask(GET_BLOB, { verb: 'HEAD', query: { did, cid }, headers: AS_IT_IS })

/** Asks for a range of a blob. */
export const rangeOfBlob = (ask: Asking, did: string, cid: string, range: string): Promise<Answer> =>
  ask(GET_BLOB, { query: { did, cid }, headers: { ...AS_IT_IS, range } })
