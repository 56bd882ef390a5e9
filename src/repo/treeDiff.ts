import type { Cid } from '@atproto/lex-data'
import { CodedError } from '../codedError.ts'
import { keyAt } from './sectionReader.ts'
import { TreeWalk, WalkError, missing } from './treeWalk.ts'
import type { Due, DueNode, DueRecord, Read, WalkOptions } from './treeWalk.ts'

/** Which of the two trees. */
export type Side = 'before' | 'after'

/** A node that had to be opened. Both trees may have it: which has and which has not, `TreeDiff` sums up. */
export interface NodeOpened {
  readonly kind: 'node'
  readonly side: Side
  readonly cid: Cid
  /** Good until the next change is asked for. */
  readonly bytes: Uint8Array
}

/** A path under which only one tree has a record, or each another one. */
export type RecordChange = { readonly kind: 'record'; readonly path: string; readonly before: Cid | null } & (
  | { readonly after: null }
  // The bytes are those of the record after, and good until the next change is asked for.
  | { readonly after: Cid; readonly bytes: Uint8Array }
)

export type TreeDifference = NodeOpened | RecordChange

/** The tree before, taken to be whole and good, is not. Nothing is said about the other. */
export class OldTreeError extends CodedError<'OldTree'> {
  override readonly name = 'OldTreeError'

  constructor(message: string, options?: ErrorOptions) {
    super('OldTree', message, options)
  }
}

const isAhead = (a: Due, b: Due): boolean => {
  const end = a.kind === 'record' ? a.key : a.upper
  return end !== undefined && end <= (b.kind === 'record' ? b.key : b.lower)
}

/** Whether this is one path, or one subtree that must be good where it is because it was good where it was. */
const areAligned = (was: Due, is: Due): boolean => {
  if (was.kind === 'record' || is.kind === 'record')
    return was.kind === 'record' && is.kind === 'record' && was.key === is.key
  if (is.layer !== was.layer || !is.link.equals(was.link)) return false
  // Where less room is left than there was, both are opened: the way along the edge tells whether it is enough.
  return (
    is.lower <= was.lower && (is.upper === undefined || (was.upper !== undefined && was.upper <= is.upper))
  )
}

/**
 * Who goes on. At first what lies wholly before the other: so none goes past what the other may still have. Else
 * the higher layer, so that a subtree which both have is due on both at once. A record thus goes past a node of a
 * lower layer, which cannot hold it; but one of its own layer is opened, for it may.
 */
const turn = (was: Due | undefined, is: Due | undefined): [Due | undefined, Due | undefined] => {
  if (!was || !is || areAligned(was, is)) return [was, is]
  if (isAhead(was, is)) return [was, undefined]
  if (isAhead(is, was)) return [undefined, is]
  const [a, b] = [was.layer ?? Infinity, is.layer ?? Infinity]
  return a > b || (a === b && was.kind === 'node') ? [was, undefined] : [undefined, is]
}

/**
 * The difference of two trees. The one before is known to be good; the one after is verified as strictly as
 * `walk` does it, but subtrees that both have in the same place are neither read nor looked into. What is read
 * and kept in memory are the nodes on the ways to what is different, in both trees; whoever gives up early has
 * read no more than what was yielded.
 *
 * Only when `changes()` has come to its end is the tree after verified, and are `added` and `dropped` complete.
 */
export class TreeDiff {
  /** The nodes that only the tree after has, by `keyAt`. */
  readonly added = new Map<string, Cid>()
  /** The nodes that only the tree before has, likewise. */
  readonly dropped = new Map<string, Cid>()
  readonly #before: TreeWalk
  readonly #after: TreeWalk
  readonly #read: Readonly<Record<Side, Read>>

  /** `read.after` must find the blocks of both trees. Whoever brings blocks has checked their hashes. */
  constructor(
    before: Cid | null,
    after: Cid,
    read: Readonly<Record<Side, Read>>,
    { sha256 }: Pick<WalkOptions, 'sha256'> = {},
  ) {
    this.#before = new TreeWalk(before, sha256)
    this.#after = new TreeWalk(after, sha256)
    this.#read = read
  }

  /**
   * Every node as it is opened, and every record that is different: each path once, mostly in ascending order.
   * Throws `WalkError` where the tree after is wrong, `OldTreeError` where the one before is.
   */
  *changes(): Generator<TreeDifference, void, void> {
    for (;;) {
      const [was, is] = turn(this.#before.due, this.#after.due)
      if (was && is?.link.equals(was.link)) {
        this.#before.skip()
        this.#after.skip()
      } else if (was?.kind === 'node') yield this.#openOld(was)
      else if (is?.kind === 'node') yield this.#open('after', this.#after, is)
      else if (is) yield this.#come(is, was)
      else if (was) yield this.#gone(was)
      else return
    }
  }

  #openOld(item: DueNode): NodeOpened {
    try {
      return this.#open('before', this.#before, item)
    } catch (cause) {
      if (cause instanceof WalkError) throw new OldTreeError(`the tree before: ${cause.message}`, { cause })
      throw cause
    }
  }

  #open(side: Side, way: TreeWalk, item: DueNode): NodeOpened {
    const bytes = this.#take(side, way, item)
    // A node may have been opened in both trees, if they have it in different places; in each it stands once.
    const { cid } = item.link
    const key = keyAt(cid.bytes, 0)
    const [own, other] = side === 'after' ? [this.added, this.dropped] : [this.dropped, this.added]
    if (!other.delete(key)) own.set(key, cid)
    return { kind: 'node', side, cid, bytes }
  }

  #come(is: DueRecord, was: DueRecord | undefined): RecordChange {
    if (was) this.#before.skip()
    const bytes = this.#take('after', this.#after, is)
    return { kind: 'record', path: is.key, before: was?.link.cid ?? null, after: is.link.cid, bytes }
  }

  #gone({ key, link }: DueRecord): RecordChange {
    this.#before.skip()
    return { kind: 'record', path: key, before: link.cid, after: null }
  }

  #take(side: Side, way: TreeWalk, item: Due): Uint8Array {
    const bytes = this.#read[side](item.link.cid)
    if (!bytes) throw missing(item)
    way.take(bytes)
    return bytes
  }
}
