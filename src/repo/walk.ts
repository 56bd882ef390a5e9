import type { Cid } from '@atproto/lex-data'
import { NodeError, parseNode } from './node.ts'
import { sameDigest, sha256 as nodeSha256 } from './sha256.ts'
import type { Sha256 } from './sha256.ts'

/** Why a tree is not whole, or no tree. */
export type WalkErrorCode = 'MissingBlock' | 'HashMismatch' | 'BadTree'

/** Blocks that do not make up a repository's tree. */
export class WalkError extends Error {
  override readonly name = 'WalkError'
  readonly code: WalkErrorCode
  readonly cid: Cid

  constructor(code: WalkErrorCode, message: string, cid: Cid) {
    super(message)
    this.code = code
    this.cid = cid
  }
}

/** The bytes of a block. They need be good only until the next is asked for. */
export type Read = (cid: Cid) => Uint8Array | undefined

export type WalkItem =
  | { readonly kind: 'node'; readonly cid: Cid; readonly bytes: Uint8Array }
  | { readonly kind: 'record'; readonly key: string; readonly cid: Cid; readonly bytes: Uint8Array }

export interface WalkOptions {
  /** Hash every block again: for blocks that no reader has verified. */
  hash?: boolean
  sha256?: Sha256
}

interface PendingNode {
  readonly kind: 'node'
  readonly cid: Cid
  /** All keys lie strictly between these two. */
  readonly lower: string
  readonly upper: string | undefined
  /** What the parent's layer demands; undefined for the root. */
  readonly layer: number | undefined
}

interface PendingRecord {
  readonly kind: 'record'
  readonly key: string
  readonly cid: Cid
}

type Pending = PendingNode | PendingRecord

/** What follows a node goes onto the stack, last first. Every rule between nodes is checked here. */
const open = (item: PendingNode, bytes: Uint8Array, sha256: Sha256, stack: Pending[]): void => {
  const bad = (why: string): never => {
    throw new WalkError('BadTree', `tree node ${item.cid.toString()}: ${why}`, item.cid)
  }
  let node
  try {
    node = parseNode(bytes, sha256)
  } catch (cause) {
    if (cause instanceof NodeError) return bad(cause.message)
    throw cause
  }
  const { left, entries } = node
  const root = item.layer === undefined
  if (entries.length === 0) {
    if (!left && !root) bad('an empty node below the root')
    if (left && root) bad('a root without keys above another node')
  }
  const layer = node.layer ?? item.layer ?? 0
  if (!root && layer !== item.layer) bad(`keys of layer ${layer} where layer ${item.layer} is due`)

  const descend = (cid: Cid | null, lower: string, upper: string | undefined): void => {
    if (!cid) return
    // Layers only go down, so no path is longer than they are many and none comes back to itself.
    if (layer === 0) bad('a subtree below layer 0')
    stack.push({ kind: 'node', cid, lower, upper, layer: layer - 1 })
  }
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]
    if (!entry) continue
    const { key, value, right } = entry
    if (key <= item.lower || (item.upper !== undefined && key >= item.upper)) bad(`${key} is out of order`)
    descend(right, key, entries[i + 1]?.key ?? item.upper)
    stack.push({ kind: 'record', key, cid: value })
  }
  descend(left, item.lower, entries[0]?.key ?? item.upper)
}

/**
 * Walks a repository's tree depth first, in the order that an export has: a node, its left subtree,
 * then each record and the subtree after it; keys come in ascending order. It throws `WalkError` unless
 * the blocks are exactly the one tree that its keys have; the commit is the caller's business.
 */
export function* walk(root: Cid, read: Read, options: WalkOptions = {}): Generator<WalkItem, void, void> {
  const { hash = false, sha256 = nodeSha256 } = options
  // The next item is the last.
  const stack: Pending[] = [{ kind: 'node', cid: root, lower: '', upper: undefined, layer: undefined }]
  for (let item = stack.pop(); item; item = stack.pop()) {
    const { cid } = item
    const bytes = read(cid)
    if (bytes === undefined) {
      const what = item.kind === 'node' ? 'tree node' : `record ${item.key}`
      throw new WalkError('MissingBlock', `${what} ${cid.toString()} is missing`, cid)
    }
    if (hash && !sameDigest(sha256(bytes), cid.multihash.digest))
      throw new WalkError('HashMismatch', `the bytes of ${cid.toString()} have another hash`, cid)
    if (item.kind === 'record') yield { kind: 'record', key: item.key, cid, bytes }
    else {
      open(item, bytes, sha256, stack)
      yield { kind: 'node', cid, bytes }
    }
  }
}
