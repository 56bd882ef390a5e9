import { ABOVE_ALL_REVS } from '../blockLocation.ts'
import type { CommitLog } from '../commitLog.ts'
import type { Packs } from '../packs/packs.ts'
import type { RemovalLog } from './removalLog.ts'

/**
 * Which tree had which block. For revisions since the end of the removal log, the newest pack up to the revision and
 * the commit rows after it tell. No other pack will do: an import makes a pack of another tree and logs no drops.
 * For earlier revisions, the removal log tells.
 */
export class BlockHistory {
  readonly #commitLog: CommitLog
  readonly #packs: Packs
  readonly #removalLog: RemovalLog

  constructor(commitLog: CommitLog, packs: Packs, removalLog: RemovalLog) {
    this.#commitLog = commitLog
    this.#packs = packs
    this.#removalLog = removalLog
  }

  /** Whether it is known what the tree of this revision, or of the last one before it, had. */
  knows(rev: string): boolean {
    return rev >= this.#removalLog.begins
  }

  /**
   * Whether the tree of `rev`, or of the last revision before it, had the block of the CID at `offset` of `cid`;
   * false also where that is not known.
   */
  wasInTree(rev: string, cid: Uint8Array, offset: number): boolean {
    if (!this.knows(rev)) return false
    const { ends } = this.#removalLog.end
    if (rev >= ends) return this.isInTree(rev, cid, offset)
    if (this.#removalLog.has(rev, cid, offset)) return true
    return this.isInTree(ends, cid, offset) && (this.addedIn(cid, offset, ends) ?? ABOVE_ALL_REVS) <= rev
  }

  /**
   * Whether the tree of `rev`, which is not before the end of the removal log, has the block: a commit row added it
   * or the pack has it, and no row dropped it after that. A row drops first what it also adds.
   */
  isInTree(rev: string, cid: Uint8Array, offset: number): boolean {
    const pack = this.#packs.all().find((each) => each.rev <= rev)
    const packedRow = pack?.lastRow ?? 0
    const added = this.#commitLog.find(cid, offset, rev, packedRow)
    if (!added && !(pack && this.#packs.find(pack, cid, offset))) return false
    return !this.#commitLog.isDroppedAfter(added?.row ?? packedRow, cid, offset, rev)
  }

  /**
   * The revision with which the block came into the tree of revision `rev`, which has it. A block that was dropped
   * and added again counts from the last time that it was added.
   */
  addedIn(cid: Uint8Array, offset: number, rev: string): string | undefined {
    let newest = this.#commitLog.find(cid, offset, rev)?.addedIn
    for (const pack of this.#packs.all()) {
      const packed = this.#packs.find(pack, cid, offset)?.addedIn
      if (packed !== undefined && packed <= rev && (newest === undefined || packed > newest)) newest = packed
    }
    return newest
  }
}
