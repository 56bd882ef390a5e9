import type { Cid } from '@atproto/lex-data'
import { cidText } from './cid.ts'
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

/**
 * Fetches blocks, keyed by the CID's text (`cidText`). It may answer fewer than it was asked for, to bound its
 * memory (stop after a few megabytes), but must answer the first if it has it: a block counts as
 * missing only when it was asked for first.
 */
export type GetMany = (
  cids: Cid[],
) => ReadonlyMap<string, Uint8Array> | Promise<ReadonlyMap<string, Uint8Array>>

export type WalkItem =
  | { readonly kind: 'node'; readonly cid: Cid; readonly bytes: Uint8Array }
  | {
      readonly kind: 'record'
      readonly key: string
      readonly cid: Cid
      readonly bytes: Uint8Array | undefined
    }

export interface WalkOptions {
  /** False: records are named and not fetched. */
  records?: boolean
  /** Blocks asked for at a time; 64. */
  batch?: number
  /** Bytes held in advance, beyond which no more is asked for; 2 MiB. */
  ahead?: number
  /** Hash every block again: for blocks that no reader has verified. */
  hash?: boolean
  /** Our own tree, verified before it was stored: not every key is hashed again to see its layer. */
  trusted?: boolean
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
  bytes: Uint8Array | undefined
  /** Its children stand below it on the stack already. */
  open: boolean
}

interface PendingRecord {
  readonly kind: 'record'
  readonly key: string
  readonly cid: Cid
  bytes: Uint8Array | undefined
}

type Pending = PendingNode | PendingRecord

/** What follows a node, last first, as it goes onto the stack. Every rule between nodes is checked here. */
const childrenOf = (
  item: PendingNode,
  bytes: Uint8Array,
  { sha256, trusted }: Pick<WalkOptions, 'sha256' | 'trusted'>,
): Pending[] => {
  const bad = (why: string): never => {
    throw new WalkError('BadTree', `tree node ${item.cid.toString()}: ${why}`, item.cid)
  }
  let node
  try {
    node = parseNode(bytes, sha256, trusted)
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

  const children: Pending[] = []
  const descend = (cid: Cid | null, lower: string, upper: string | undefined): void => {
    if (!cid) return
    // Layers only go down, so no path is longer than they are many and none comes back to itself.
    if (layer === 0) bad('a subtree below layer 0')
    children.push({ kind: 'node', cid, lower, upper, layer: layer - 1, bytes: undefined, open: false })
  }
  descend(left, item.lower, entries[0]?.key ?? item.upper)
  entries.forEach(({ key, value, right }, i) => {
    if (key <= item.lower || (item.upper !== undefined && key >= item.upper)) bad(`${key} is out of order`)
    children.push({ kind: 'record', key, cid: value, bytes: undefined })
    descend(right, key, entries[i + 1]?.key ?? item.upper)
  })
  return children.toReversed()
}

/**
 * Walks a repository's tree depth first, in the order that an export has: a node, its left subtree,
 * then each record and the subtree after it; keys come in ascending order. It reads ahead across
 * subtrees, so that blocks are fetched many at a time and few are held. It throws `WalkError` unless
 * the blocks are exactly the one tree that its keys have; the commit is the caller's business.
 */
export async function* walk(
  root: Cid,
  getMany: GetMany,
  options: WalkOptions = {},
): AsyncGenerator<WalkItem, void, void> {
  const { records = true, batch = 64, ahead = 2 * 1024 * 1024, hash = false, sha256 = nodeSha256 } = options
  // The next item is the last. Everything that is loaded stands near the end.
  const stack: Pending[] = [
    { kind: 'node', cid: root, lower: '', upper: undefined, layer: undefined, bytes: undefined, open: false },
  ]
  let held = 0

  const lacks = (item: Pending): boolean => item.bytes === undefined && (records || item.kind === 'node')

  /** The next blocks that are needed, opening nodes on the way whose bytes are here. */
  const upcoming = (): Pending[] => {
    const wanted: Pending[] = []
    let seen = 0
    for (let i = stack.length - 1; i >= 0 && wanted.length < batch && seen < 8 * batch; i--, seen++) {
      const item = stack[i]
      if (!item) break
      if (lacks(item)) wanted.push(item)
      else if (item.kind === 'node' && item.bytes && !item.open) {
        const children = childrenOf(item, item.bytes, options)
        item.open = true
        // In parts: a node may have more children than a call has arguments.
        for (let from = 0; from < children.length; from += 4096) {
          stack.splice(i + from, 0, ...children.slice(from, from + 4096))
        }
        i += children.length
      }
      if (held >= ahead && wanted.length > 0) break
    }
    return wanted
  }

  const load = async (): Promise<void> => {
    const wanted = upcoming()
    const got = await getMany(wanted.map(({ cid }) => cid))
    wanted.forEach((item, i) => {
      const bytes = got.get(cidText(item.cid.bytes))
      if (bytes === undefined) {
        if (i > 0) return
        const what = item.kind === 'node' ? 'tree node' : `record ${item.key}`
        throw new WalkError('MissingBlock', `${what} ${item.cid.toString()} is missing`, item.cid)
      }
      if (hash && !sameDigest(sha256(bytes), item.cid.multihash.digest)) {
        throw new WalkError('HashMismatch', `the bytes of ${item.cid.toString()} have another hash`, item.cid)
      }
      item.bytes = bytes
      held += bytes.length
    })
  }

  for (let item = stack.at(-1); item; item = stack.at(-1)) {
    if (lacks(item)) {
      await load()
      continue
    }
    stack.pop()
    held -= item.bytes?.length ?? 0
    if (item.kind === 'record') yield { kind: 'record', key: item.key, cid: item.cid, bytes: item.bytes }
    else if (item.bytes) {
      if (!item.open) for (const child of childrenOf(item, item.bytes, options)) stack.push(child)
      yield { kind: 'node', cid: item.cid, bytes: item.bytes }
    }
  }
}
