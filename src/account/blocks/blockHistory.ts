import type { CommitLog } from './commitLog.ts'
import type { Packs } from './packs.ts'
import type { RemovalLog } from './removalLog.ts'

/**
 * Which tree had which block. Of the revisions since the trail ends it is known by the newest pack up to then
 * and the rows after it. Only that pack will do: an import makes a pack of another tree and logs no drops.
 * Of those before, it is known by the trail.
 */
export class BlockHistory {
  readonly #loose: CommitLog
  readonly #packs: Packs
  readonly #trail: RemovalLog

  constructor(loose: CommitLog, packs: Packs, trail: RemovalLog) {
    this.#loose = loose
    this.#packs = packs
    this.#trail = trail
  }

  /** Whether it is known what the tree of this revision had, or of the last before it. */
  knows(rev: string): boolean {
    return rev >= this.#trail.begins
  }

  /** Whether the tree of `rev`, or of the last revision before it, had the block; false also where it is not known. */
  wasInTree(rev: string, cid: Uint8Array, at: number): boolean {
    if (!this.knows(rev)) return false
    const { ends } = this.#trail.end
    if (rev >= ends) return this.isInTree(rev, cid, at)
    if (this.#trail.has(rev, cid, at)) return true
    return this.isInTree(ends, cid, at) && (this.addedIn(cid, at, ends) ?? '~') <= rev
  }

  /**
   * Whether the tree of `rev`, not before the trail's end, has the block. It has come and not gone after, or
   * was packed and has not gone. A row drops first what it also adds.
   */
  isInTree(rev: string, cid: Uint8Array, at: number): boolean {
    const pack = this.#packs.all().find((each) => each.rev <= rev)
    const from = pack?.loose ?? 0
    const added = this.#loose.find(cid, at, rev, from)
    if (!added && !(pack && this.#packs.find(pack, cid, at))) return false
    return !this.#loose.isDroppedAfter(added?.n ?? from, cid, at, rev)
  }

  /**
   * The revision with which the block came into the tree of revision `rev`, which has it. A block that was
   * dropped and came back is as old as its last coming.
   */
  addedIn(cid: Uint8Array, at: number, rev: string): string | undefined {
    let newest = this.#loose.find(cid, at, rev)?.made
    for (const pack of this.#packs.all()) {
      const made = this.#packs.find(pack, cid, at)?.made
      if (made !== undefined && made <= rev && (newest === undefined || made > newest)) newest = made
    }
    return newest
  }
}
