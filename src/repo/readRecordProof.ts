import type { Cid } from '@atproto/lex-data'
import { readCar } from './car/readCar.ts'
import { cidKey } from './cid.ts'
import { NodeError, parseNode } from './tree/treeNode.ts'
import { findRecord } from './tree/treeSearch.ts'
import { RepoError, type RepoInput, verifyCommitBlock } from './verifyRepo.ts'

export interface RecordProofInput extends Pick<RepoInput, 'did' | 'signingKey' | 'now'> {
  /** `collection/rkey`. */
  path: string
}

/** A commit, the nodes down to one record, and the record: more is not a proof. */
const LIMITS = { total: 1024 * 1024, blocks: 256 }

const readBlocks = async (car: ReadableStream<Uint8Array>) => {
  const reader = await readCar(car, LIMITS)
  const [root, ...others] = reader.roots
  if (!root || others.length > 0) {
    await reader.cancel()
    throw new RepoError('BadCommit', `a proof has one root, not ${reader.roots.length}`)
  }
  // Bounded by the limits.
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of reader) blocks.set(cidKey(cid), bytes)
  return { root, blocks }
}

/**
 * Reads a CAR that proves what an account has under a path, as `com.atproto.sync.getRecord` gives it: the commit is the
 * account's and signed by it, and every block down to the record has the hash that the one above it names. Gives the
 */
export const readRecordProof = async (
  car: ReadableStream<Uint8Array>,
  { path, ...account }: RecordProofInput,
): Promise<Uint8Array | undefined> => {
  const { root, blocks } = await readBlocks(car)
  const read = (cid: Cid): Uint8Array => {
    const bytes = blocks.get(cidKey(cid))
    if (!bytes) throw new RepoError('MissingBlock', `the proof lacks the block ${cid}`)
    return bytes
  }
  const { commit } = await verifyCommitBlock(read(root), account)
  try {
    const record = findRecord(commit.data, path, (cid) => parseNode(read(cid)))
    return record && read(record)
  } catch (cause) {
    if (cause instanceof NodeError) throw new RepoError('BadTree', cause.message)
    throw cause
  }
}
