import type { Cid } from '@atproto/lex-data'
import { CodedError } from '../../codedError.ts'
import { cidKeyAt } from '../cidBytes.ts'
import { TreeWalk, WalkError, missingBlock } from './treeWalk.ts'
import type { Due, DueNode, DueRecord, Read, WalkOptions } from './treeWalk.ts'

/** Which of the two trees. */
export type Side = 'before' | 'after'

/** A node that had to be read. Both trees may have it: `added` and `dropped` of `TreeDiff` say which has it. */
export interface NodeOpened {
  readonly kind: 'node'
  readonly side: Side
  readonly cid: Cid
  /** Valid until the next difference is asked for. */
  readonly bytes: Uint8Array
}

/** A path under which only one of the trees has a record, or each has a different one. */
export type RecordChange = { readonly kind: 'record'; readonly path: string; readonly before: Cid | null } & (
  | { readonly after: null }
  // The bytes of the record after, valid until the next difference is asked for.
  | { readonly after: Cid; readonly bytes: Uint8Array }
)

/** What `TreeDiff` finds: a node that it read, or a record that differs. */
export type TreeDifference = NodeOpened | RecordChange

/** The tree before, assumed to be complete and valid, is not. This says nothing about the tree after. */
export class OldTreeError extends CodedError<'OldTree'> {
  override readonly name = 'OldTreeError'

  constructor(message: string, options?: ErrorOptions) {
    super('OldTree', message, options)
  }
}

/** Whether `a` and all that is below it come before `b`. */
const isAhead = (a: Due, b: Due): boolean => {
  const end = a.kind === 'record' ? a.key : a.upper
  return end !== undefined && end <= (b.kind === 'record' ? b.key : b.lower)
}

/** Whether both are one path, or one subtree that is valid after because it was valid before. */
const areAligned = (before: Due, after: Due): boolean => {
  if (before.kind === 'record' || after.kind === 'record')
    return before.kind === 'record' && after.kind === 'record' && before.key === after.key
  if (after.layer !== before.layer || !after.link.equals(before.link)) return false
  // Where the range of keys is narrower than it was, both are opened: the nodes along the edge show whether it is
  // wide enough.
  return (
    after.lower <= before.lower &&
    (after.upper === undefined || (before.upper !== undefined && before.upper <= after.upper))
  )
}

/**
 * Which of the trees goes on, or both. First the one whose item comes wholly before the other's, so that neither
 * goes past what the other may still have. Else the one on the higher layer, so that a subtree that both have is due
 * in both at once. A record thus goes past a node of a lower layer, which cannot contain it; but a node of its own
 * layer is opened, because that may.
 */
const turn = (before: Due | undefined, after: Due | undefined): [Due | undefined, Due | undefined] => {
  if (!before || !after || areAligned(before, after)) return [before, after]
  if (isAhead(before, after)) return [before, undefined]
  if (isAhead(after, before)) return [undefined, after]
  const [a, b] = [before.layer ?? Infinity, after.layer ?? Infinity]
  return a > b || (a === b && before.kind === 'node') ? [before, undefined] : [undefined, after]
}

/**
 * The difference of two trees. The one before is known to be valid; the one after is verified as strictly as `walk`
 * does, but a subtree that both have in the same position is not read at all. Only the nodes on the paths to what
 * differs are read and kept in memory, in both trees; a caller that stops early has read no more than was yielded.
 *
 * Only at the end of `changes()` is the tree after verified, and are `added` and `dropped` complete.
 */
export class TreeDiff {
  /** The nodes that only the tree after has, by `cidKeyAt`. */
  readonly added = new Map<string, Cid>()
  /** The nodes that only the tree before has, by `cidKeyAt`. */
  readonly dropped = new Map<string, Cid>()
  readonly #before: TreeWalk
  readonly #after: TreeWalk
  readonly #read: Readonly<Record<Side, Read>>

  /** `read.after` must find the blocks of both trees. The hashes of what is read must have been checked. */
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
   * Every node as it is opened, and every record that differs: each path once, mostly in ascending order. Throws
   * `WalkError` where the tree after is invalid, `OldTreeError` where the tree before is.
   */
  *changes(): Generator<TreeDifference, void, void> {
    for (;;) {
      const [before, after] = turn(this.#before.due, this.#after.due)
      if (before && after?.link.equals(before.link)) {
        this.#before.skip()
        this.#after.skip()
      } else if (before?.kind === 'node') yield this.#openBefore(before)
      else if (after?.kind === 'node') yield this.#open('after', this.#after, after)
      else if (after) yield this.#changed(after, before)
      else if (before) yield this.#deleted(before)
      else return
    }
  }

  #openBefore(item: DueNode): NodeOpened {
    try {
      return this.#open('before', this.#before, item)
    } catch (cause) {
      if (cause instanceof WalkError) throw new OldTreeError(`the tree before: ${cause.message}`, { cause })
      throw cause
    }
  }

  #open(side: Side, tree: TreeWalk, item: DueNode): NodeOpened {
    const bytes = this.#take(side, tree, item)
    // Both trees may have a node in different positions, and then both open it; each tree has it once.
    const { cid } = item.link
    const key = cidKeyAt(cid.bytes, 0)
    const [own, other] = side === 'after' ? [this.added, this.dropped] : [this.dropped, this.added]
    if (!other.delete(key)) own.set(key, cid)
    return { kind: 'node', side, cid, bytes }
  }

  #changed(after: DueRecord, before: DueRecord | undefined): RecordChange {
    if (before) this.#before.skip()
    const bytes = this.#take('after', this.#after, after)
    return { kind: 'record', path: after.key, before: before?.link.cid ?? null, after: after.link.cid, bytes }
  }

  #deleted({ key, link }: DueRecord): RecordChange {
    this.#before.skip()
    return { kind: 'record', path: key, before: link.cid, after: null }
  }

  #take(side: Side, tree: TreeWalk, item: Due): Uint8Array {
    const bytes = this.#read[side](item.link.cid)
    if (!bytes) throw missingBlock(item)
    tree.take(bytes)
    return bytes
  }
}
