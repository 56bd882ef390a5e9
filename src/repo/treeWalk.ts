import type { Cid } from '@atproto/lex-data'
import { CodedError } from '../codedError.ts'
import { Link } from './cid.ts'
import { NodeError, parseNode } from './treeNode.ts'
import { sameDigest, sha256 as nodeSha256 } from './sha256.ts'
import type { Sha256 } from './sha256.ts'

/** Why a tree is not whole, or no tree. */
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

/** A node that is due, and where its keys must lie. */
export interface DueNode {
  readonly kind: 'node'
  readonly link: Link
  /** All keys lie strictly between these two. */
  readonly lower: string
  readonly upper: string | undefined
  /** What the parent's layer demands; undefined for the root. */
  readonly layer: number | undefined
}

/** A record that is due. */
export interface DueRecord {
  readonly kind: 'record'
  readonly key: string
  readonly link: Link
  /** That of its key, and of the node that it stands in. */
  readonly layer: number
}

export type Due = DueNode | DueRecord

/** What follows a node goes onto the stack, last first. Every rule between nodes is checked here. */
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

  const descend = (link: Link | null, lower: string, upper: string | undefined): void => {
    if (!link) return
    // Layers only go down, so no path is longer than they are many and none comes back to itself.
    if (layer === 0) bad('a subtree below layer 0')
    stack.push({ kind: 'node', link, lower, upper, layer: layer - 1 })
  }
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]
    if (!entry) continue
    const { key, value, right } = entry
    if (key <= item.lower || (item.upper !== undefined && key >= item.upper)) bad(`${key} is out of order`)
    descend(right, key, entries[i + 1]?.key ?? item.upper)
    stack.push({ kind: 'record', key, link: value, layer })
  }
  descend(left, item.lower, entries[0]?.key ?? item.upper)
}

/**
 * The way through a repository's tree, depth first, in the order that an export has: a node, its left subtree,
 * then each record and the subtree after it; keys come in ascending order. Whoever goes it brings the block
 * that is due. It throws `WalkError` unless the blocks are exactly the one tree that its keys have; their
 * hashes and the commit are the caller's business.
 */
export class TreeWalk {
  // The next item is the last.
  readonly #stack: Due[]
  readonly #sha256: Sha256

  /** Of no tree (`null`), nothing is ever due. */
  constructor(root: Cid | null, sha256: Sha256 = nodeSha256) {
    const link = root && new Link(root.bytes, 0)
    this.#stack = link ? [{ kind: 'node', link, lower: '', upper: undefined, layer: undefined }] : []
    this.#sha256 = sha256
  }

  /** What comes next; undefined at the end. */
  get due(): Due | undefined {
    return this.#stack.at(-1)
  }

  /** Goes on past the block that is due. The bytes of a record are not looked at. */
  take(bytes: Uint8Array): void {
    const item = this.#stack.pop()
    if (item?.kind === 'node') open(item, bytes, this.#sha256, this.#stack)
  }

  /** Goes on past what is due and all that is below it. */
  skip(): void {
    this.#stack.pop()
  }
}

/** Walks the whole of a tree, as `TreeWalk` does, and reads the blocks by itself. */
export function* walk(root: Cid, read: Read, options: WalkOptions = {}): Generator<WalkItem, void, void> {
  const { hash = false, sha256 = nodeSha256 } = options
  const way = new TreeWalk(root, sha256)
  for (let item = way.due; item; item = way.due) {
    const { cid } = item.link
    const bytes = read(cid)
    if (bytes === undefined) throw missing(item)
    if (hash && !sameDigest(sha256(bytes), cid.multihash.digest))
      throw new WalkError('HashMismatch', `the bytes of ${cid.toString()} have another hash`, cid)
    way.take(bytes)
    yield item.kind === 'record'
      ? { kind: 'record', key: item.key, cid, bytes }
      : { kind: 'node', cid, bytes }
  }
}

/** The error of a block that is due and not there. */
export const missing = (item: Due): WalkError => {
  const what = item.kind === 'node' ? 'tree node' : `record ${item.key}`
  return new WalkError('MissingBlock', `${what} ${item.link} is missing`, item.link.cid)
}
