import type { Cid } from '@atproto/lex-data'
import { CodedError } from '../codedError.ts'
import { blobRefs, scanBlobRefs } from './blobRefs.ts'
import type { BlobReference } from './blobRefs.ts'
import { cidText } from './cid.ts'
import { CborError, checkCbor, decodeBlock } from './cbor.ts'
import { type Commit, CommitError, parseCommit, verifyCommit } from './commit.ts'
import { NodeError, parseNodeUnchecked } from './tree/treeNode.ts'
import { sameDigest, sha256 as nodeSha256 } from './sha256.ts'
import { MAX_REV_AHEAD_MS, parseTid } from './tid.ts'
import { WalkError, walk } from './tree/treeWalk.ts'
import type { Read, WalkOptions } from './tree/treeWalk.ts'

/** Why a repository was refused. */
export type RepoErrorCode =
  | 'MissingBlock'
  | 'HashMismatch'
  | 'WrongDid'
  | 'BadSignature'
  | 'BadTree'
  | 'BadRecord'
  | 'BadRev'
  | 'BadCommit'
  | 'Unreachable'

/** Blocks that are not one account's complete, signed repository. */
export class RepoError extends CodedError<RepoErrorCode> {
  override readonly name = 'RepoError'
}

/** A repository to be verified. */
export interface RepoInput extends WalkOptions {
  /** The commit's CID. */
  root: Cid
  /** The DID whose repository it must be. */
  did: string
  /** The account's signing key as a `did:key`; of several, one must have signed the commit. */
  signingKey: string | readonly string[]
  read: Read
  /** Milliseconds since the epoch: a revision may be at most five minutes later. */
  now: number
  /**
   * Called with each record that the specification forbids, which then counts as a record like others. Without it, such
   * a record is refused as `BadRecord`.
   */
  malformed?: (record: MalformedRecord) => void
  /** How many different blocks there are. More than the commit reaches is refused as `Unreachable`. */
  blocks?: number
}

/** A record that somebody signed and that the specification forbids: floats, for example. */
export interface MalformedRecord {
  /** `collection/rkey`. */
  readonly path: string
  readonly cid: Cid
  /** What is wrong with it. */
  readonly problem: string
}

/** A record that was verified. */
export interface VerifiedRecord {
  /** `collection/rkey`. */
  readonly path: string
  readonly cid: Cid
  /** Bytes of the record's block. */
  readonly size: number
  readonly blobs: readonly BlobReference[]
}

/** What has been counted so far; final when `complete` is true. */
export interface RepoCounts {
  records: number
  nodes: number
  /** Bytes of the commit, the nodes and the records. */
  bytes: number
  /** Every block was visited, and nothing is wrong. Until then nothing may be relied on. */
  complete: boolean
}

/** A repository whose commit was verified; its tree is verified by `records()`. */
export interface VerifiedRepo {
  readonly cid: Cid
  readonly commit: Commit
  /** The key of those given that signed the commit. */
  readonly signer: string
  readonly counts: Readonly<RepoCounts>
  /**
   * Verifies the whole tree; throws `RepoError` where it is wrong. Paths are in ascending order.
   */
  records(): Generator<VerifiedRecord, void, void>
}

const signerOf = async (commit: Commit, keys: readonly string[]): Promise<string | undefined> => {
  for (const key of keys) if (await verifyCommit(commit, key)) return key
  return undefined
}

/**
 * Verifies a commit whose hash was checked: its form, its DID, its signature and its revision. `signer` is the key of
 * those given that signed it.
 */
export const verifyCommitBlock = async (
  bytes: Uint8Array,
  { did, signingKey, now }: Pick<RepoInput, 'did' | 'signingKey' | 'now'>,
): Promise<{ commit: Commit; signer: string }> => {
  let commit
  try {
    commit = parseCommit(bytes)
  } catch (cause) {
    if (!(cause instanceof CommitError)) throw cause
    throw new RepoError(cause.code === 'BadRev' ? 'BadRev' : 'BadCommit', cause.message)
  }
  if (commit.did !== did)
    throw new RepoError('WrongDid', `this is the repository of ${commit.did}, not of ${did}`)
  const signer = await signerOf(commit, [signingKey].flat())
  if (signer === undefined)
    throw new RepoError('BadSignature', `the commit is not signed by the key of ${did}`)
  if (parseTid(commit.rev).micros > (now + MAX_REV_AHEAD_MS) * 1000) {
    throw new RepoError('BadRev', `the revision ${commit.rev} is more than five minutes in the future`)
  }
  return { commit, signer }
}

const readCommit = ({ root, read, checkHashes, sha256 = nodeSha256 }: RepoInput): Uint8Array => {
  const bytes = read(root)
  if (!bytes) throw new RepoError('MissingBlock', `the commit ${root.toString()} is missing`)
  if (checkHashes && !sameDigest(sha256(bytes), root.multihash.digest)) {
    throw new RepoError('HashMismatch', `the bytes of the commit ${root.toString()} have another hash`)
  }
  return bytes
}

/**
 * Verifies a record: one map, in its only encoding, and not a node of a tree (a record has a `$type`): elsewhere,
 * a node that is stored is taken to mean that everything below it is stored too. Returns the blobs that the
 * record refers to.
 */
export const verifyRecord = (path: string, bytes: Uint8Array): readonly BlobReference[] => {
  try {
    const { isMap, hasMimeType } = checkCbor(bytes)
    if (!isMap) throw new RepoError('BadRecord', `the record ${path} is not a map`)
    if (isNode(bytes)) throw new RepoError('BadRecord', `the record ${path} is a node of a tree`)
    // Most records refer to no blob, and need not be decoded.
    return hasMimeType ? blobRefs(decodeBlock(bytes)) : []
  } catch (cause) {
    if (cause instanceof CborError) throw new RepoError('BadRecord', `the record ${path}: ${cause.message}`)
    throw cause
  }
}

/** The blobs of a record that somebody signed, and, where the specification forbids it, what is wrong with it. */
export const inspectRecord = (
  path: string,
  bytes: Uint8Array,
): { blobs: readonly BlobReference[]; problem?: string } => {
  try {
    return { blobs: verifyRecord(path, bytes) }
  } catch (cause) {
    if (!(cause instanceof RepoError)) throw cause
    return { blobs: scanBlobRefs(bytes), problem: cause.message }
  }
}

/**
 * The blobs of a record that comes in with a repository. Whatever somebody signed is kept as it is, also what the
 * specification forbids; only the bytes of a node are refused, for the reason that `verifyRecord` names.
 */
export const importedBlobs = (path: string, bytes: Uint8Array): readonly BlobReference[] => {
  const { blobs, problem } = inspectRecord(path, bytes)
  if (problem !== undefined && isNode(bytes)) throw new RepoError('BadRecord', problem)
  return blobs
}

// How every node begins: a map of two entries, the first with the key `e`. Hardly any record does.
const NODE_START = [0xa2, 0x61, 0x65]

const isNode = (bytes: Uint8Array): boolean => {
  if (NODE_START.some((byte, i) => bytes[i] !== byte)) return false
  try {
    parseNodeUnchecked(bytes)
    return true
  } catch (cause) {
    if (cause instanceof NodeError) return false
    throw cause
  }
}

/**
 * Verifies a complete repository before anything relies on it. The commit (form, DID, signature, revision) is
 * verified when the promise resolves; the tree and every record are when `records()` has been consumed to its end.
 * The hashes of the blocks are checked by `readCar`, or here with `hash`.
 */
export const verifyRepo = async (input: RepoInput): Promise<VerifiedRepo> => {
  const bytes = readCommit(input)
  const { commit, signer } = await verifyCommitBlock(bytes, input)
  const none = { records: 0, nodes: 0, bytes: bytes.length, complete: false }
  const counts: RepoCounts = { ...none }
  const { blocks, read, checkHashes = false, sha256 = nodeSha256 } = input

  const readBlobs = (path: string, cid: Cid, bytes: Uint8Array): readonly BlobReference[] => {
    if (!input.malformed) return verifyRecord(path, bytes)
    const { blobs, problem } = inspectRecord(path, bytes)
    if (problem !== undefined) input.malformed({ path, cid, problem })
    return blobs
  }

  function* records(): Generator<VerifiedRecord, void, void> {
    Object.assign(counts, none)
    // Equal records share a block: only a set can count the different ones.
    const reached = blocks === undefined ? undefined : new Set<string>([cidText(input.root.bytes)])
    try {
      for (const item of walk(commit.data, read, { checkHashes, sha256 })) {
        reached?.add(cidText(item.cid.bytes))
        counts.bytes += item.bytes.length
        if (item.kind === 'node') counts.nodes++
        else {
          counts.records++
          const { key: path, cid, bytes } = item
          yield { path, cid, size: bytes.length, blobs: readBlobs(path, cid, bytes) }
        }
      }
    } catch (cause) {
      if (cause instanceof WalkError) throw new RepoError(cause.code, cause.message)
      throw cause
    }
    if (blocks !== undefined && reached && reached.size < blocks) {
      throw new RepoError('Unreachable', `${blocks - reached.size} blocks belong to no record and no node`)
    }
    counts.complete = true
  }

  return { cid: input.root, commit, signer, counts, records }
}

/** Verifies a repository to its end, where only the result matters. */
export const verifyWholeRepo = async (input: RepoInput): Promise<VerifiedRepo> => {
  const repo = await verifyRepo(input)
  for (const _ of repo.records());
  return repo
}
