import { parseDidKey, verifySignature } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { isCid } from '@atproto/lex-data'
import type { Cid, LexValue } from '@atproto/lex-data'
import { isValidDid } from '@atproto/syntax'
import { CodedError } from '../codedError.ts'
import { CborError, decodeBlock } from './cbor.ts'
import { isTid } from './tid.ts'

/** Why bytes are not a commit of version 3. */
export type CommitErrorCode = 'BadCommit' | 'OldVersion' | 'BadRev'

/** Bytes that are not a commit of version 3. */
export class CommitError extends CodedError<CommitErrorCode> {
  override readonly name = 'CommitError'
}

/** A signed commit of version 3, as a repository has it. */
export interface Commit {
  readonly did: string
  readonly version: 3
  /** The root of the tree. */
  readonly data: Cid
  readonly rev: string
  readonly prev: Cid | null
  readonly sig: Uint8Array
}

const FIELDS = ['did', 'version', 'data', 'rev', 'prev', 'sig']
const MAX_BYTES = 4096

const isLink = (value: LexValue | undefined): value is Cid => isCid(value, { flavor: 'cbor' })

/** Parses a commit: exactly the six fields of version 3, each of its type. The signature is not checked. */
export const parseCommit = (bytes: Uint8Array): Commit => {
  const bad = (why: string): never => {
    throw new CommitError('BadCommit', `not a commit: ${why}`)
  }
  let block: LexValue
  try {
    block = decodeBlock(bytes, { depth: 2, size: MAX_BYTES })
  } catch (cause) {
    if (cause instanceof CborError) return bad(cause.message)
    throw cause
  }
  if (block === null || typeof block !== 'object' || Array.isArray(block) || !('version' in block)) {
    return bad('not a map with a version')
  }
  const { did, version, data, rev, prev, sig } = block as { [field: string]: LexValue } // a map, as just checked
  if (version === 2) throw new CommitError('OldVersion', 'a commit of version 2: only version 3 is read')
  if (version !== 3) return bad('the version is not 3')
  for (const name of Object.keys(block))
    if (!FIELDS.includes(name)) bad(`unknown field ${JSON.stringify(name)}`)
  if (typeof did !== 'string' || !isValidDid(did)) return bad('did is not a DID')
  if (!isLink(data)) return bad('data is not a link to a tree')
  if (prev !== null && !isLink(prev)) return bad('prev is neither null nor a link')
  if (!(sig instanceof Uint8Array) || sig.length !== 64) return bad('sig is not 64 bytes')
  if (typeof rev !== 'string' || !isTid(rev))
    throw new CommitError('BadRev', 'the commit has a rev that is not a TID')
  return { did, version, data, rev, prev, sig }
}

/**
 * Whether the commit is signed by this `did:key`: ECDSA over sha-256, compact and low-S only. Throws for a key that
 * is not a did:key; a malformed signature is simply not valid.
 */
export const verifyCommit = async (commit: Commit, didKey: string): Promise<boolean> => {
  parseDidKey(didKey)
  // A parsed commit was canonical, so encoding its fields again gives the bytes that were signed.
  const { did, version, data, rev, prev, sig } = commit
  try {
    return await verifySignature(didKey, encode({ did, version, data, rev, prev }), sig)
  } catch {
    return false
  }
}
