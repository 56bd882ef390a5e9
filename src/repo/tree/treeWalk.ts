import type { Cid } from '@atproto/lex-data'
import { CodedError } from '../../codedError.ts'
import { Link } from '../cid.ts'
import { NodeError, parseNode } from './treeNode.ts'
import { sameDigest, sha256 as nodeSha256 } from '../sha256.ts'
import type { Sha256 } from '../sha256.ts'

/** Why blocks are not a whole tree. */
export type WalkErrorCode = 'MissingBlock' | 'HashMismatch' | 'BadTree'

/** Blocks that do not make up a repository's tree. */
export class WalkError extends CodedError<WalkErrorCode> {
  override readonly name = 'WalkError'
  readonly cid: Cid

  constructor(code: WalkErrorCode, message: string, cid: Cid) {
    super(code, message)
    this.cid = cid
  }
}

/** Reads a block. The bytes need to be valid only until the next block is asked for. */
export type Read = (cid: Cid) => Uint8Array | undefined

/** A block of the tree, with the path of a record. */
export type WalkItem =
  | { readonly kind: 'node'; readonly cid: Cid; readonly bytes: Uint8Array }
  | { readonly kind: 'record'; readonly key: string; readonly cid: Cid; readonly bytes: Uint8Array }

/** How a walk checks the hashes of blocks. */
export interface WalkOptions {
  /** Whether to check every block's hash: for blocks that no reader has verified. */
  checkHashes?: boolean
  sha256?: Sha256
}

/** A node that comes next in a walk, and the range that its keys must be in. */
export interface DueNode {
  readonly kind: 'node'
  readonly link: Link
  /** All keys are strictly above this. */
  readonly lower: string
  /** All keys are strictly below this; undefined: no bound. */
  readonly upper: string | undefined
  /** The layer below the parent's; undefined for the root. */
  readonly layer: number | undefined
}

/** A record that comes next in a walk. */
export interface DueRecord {
  readonly kind: 'record'
  readonly key: string
  readonly link: Link
  /** The layer of its key, and of the node that it is in. */
  readonly layer: number
}

/** The block that a walk waits for. */
export type Due = DueNode | DueRecord

/** Puts what follows a node onto the stack, the last first. Every rule between nodes is checked here. */
const open = (item: DueNode, bytes: Uint8Array, sha256: Sha256, stack: Due[]): void => {
  const bad = (why: string): never => {
    throw new WalkError('BadTree', `tree node ${item.link}: ${why}`, item.link.cid)
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

  const pushSubtree = (link: Link | null, lower: string, upper: string | undefined): void => {
    if (!link) return
    // Layers only go down, so that no path is longer than the number of layers, and none comes back to itself.
    if (layer === 0) bad('a subtree below layer 0')
    stack.push({ kind: 'node', link, lower, upper, layer: layer - 1 })
  }
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]
    if (!entry) continue
    const { key, value, right } = entry
    if (key <= item.lower || (item.upper !== undefined && key >= item.upper)) bad(`${key} is out of order`)
    pushSubtree(right, key, entries[i + 1]?.key ?? item.upper)
    stack.push({ kind: 'record', key, link: value, layer })
  }
  pushSubtree(left, item.lower, entries[0]?.key ?? item.upper)
}

/**
 * A walk through a repository's tree, depth first, in the order of an export: a node, its left subtree, then each
 * record and the subtree after it; keys are in ascending order. The caller brings each block that is due. It throws
 * `WalkError` unless the blocks are exactly the one tree that these keys can have; checking the hashes and the
 * commit is left to the caller.
 */
export class TreeWalk {
  /** What comes next is on top, which is at the end. */
  readonly #stack: Due[]
  readonly #sha256: Sha256

  /** `root`: the root node; without a tree (`null`) nothing is due. */
  constructor(root: Cid | null, sha256: Sha256 = nodeSha256) {
    const link = root && new Link(root.bytes, 0)
    this.#stack = link ? [{ kind: 'node', link, lower: '', upper: undefined, layer: undefined }] : []
    this.#sha256 = sha256
  }

  /** The block that comes next; undefined at the end. */
  get due(): Due | undefined {
    return this.#stack.at(-1)
  }

  /** Takes the block that is due, and goes on to the next. The bytes of a record are not checked. */
  take(bytes: Uint8Array): void {
    const item = this.#stack.pop()
    if (item?.kind === 'node') open(item, bytes, this.#sha256, this.#stack)
  }

  /** Skips the block that is due and all that is below it. */
  skip(): void {
    this.#stack.pop()
  }
}

/** Walks a whole tree as `TreeWalk` does, and reads the blocks itself. */
export function* walk(root: Cid, read: Read, options: WalkOptions = {}): Generator<WalkItem, void, void> {
  const { checkHashes = false, sha256 = nodeSha256 } = options
  const tree = new TreeWalk(root, sha256)
  for (let item = tree.due; item; item = tree.due) {
    const { cid } = item.link
    const bytes = read(cid)
    if (bytes === undefined) throw missingBlock(item)
    if (checkHashes && !sameDigest(sha256(bytes), cid.multihash.digest))
      throw new WalkError('HashMismatch', `the bytes of ${cid.toString()} have another hash`, cid)
    tree.take(bytes)
    yield item.kind === 'record'
      ? { kind: 'record', key: item.key, cid, bytes }
      : { kind: 'node', cid, bytes }
  }
}

/** The error for a block that is due and missing. */
export const missingBlock = (item: Due): WalkError => {
  const what = item.kind === 'node' ? 'tree node' : `record ${item.key}`
  return new WalkError('MissingBlock', `${what} ${item.link} is missing`, item.link.cid)
}
