import type { Cid } from '@atproto/lex-data'
import { CID_LENGTH } from '../../repo/cborReader.ts'
import { nodeLinks } from '../../repo/treeNode.ts'
import { keyAt, SectionReader } from '../../repo/sectionReader.ts'
import type { Blocks } from './blocks.ts'
import { PackCursor } from './packCursor.ts'

// A CID that is due, and behind it whether it is a node's.
const ENTRY = CID_LENGTH + 1

export interface StoredTreeWalkOptions {
  /** Records that stand under several paths: of these only the first is visited. */
  repeated?: Iterable<string>
  /**
   * Of the tree of `rev`, only what the tree of `since` did not have: a block that it had is left out with all
   * below it. Where what it had is not known any more, what was there all the time since.
   */
  after?: { since: string; rev: string } | undefined
}

/**
 * Goes through a stored tree in the order of an export: a node, its left subtree, then each record and
 * the subtree after it. A pack is in this very order, so that the next block mostly stands behind the last
 * and is found by looking there; only where the tree has changed since is it looked up.
 * Nothing is kept from being written meanwhile: what a tree needs stays as long as it is pinned.
 */
export class StoredTreeWalk {
  readonly #blocks: Blocks
  readonly #after: StoredTreeWalkOptions['after']
  /** By `keyAt`, whether it has been visited. */
  readonly #repeated = new Map<string, boolean>()
  #stack = new Uint8Array(64 * ENTRY)
  #depth = 0
  readonly #cursor: PackCursor
  /** The section that the tour has come to. */
  at = new SectionReader(new Uint8Array(0))
  isNode = false
  #loose = false

  constructor(blocks: Blocks, root: Cid, options: StoredTreeWalkOptions = {}) {
    this.#blocks = blocks
    this.#cursor = new PackCursor(blocks)
    this.#after = options.after
    for (const key of options.repeated ?? []) this.#repeated.set(key, false)
    this.#push(root.bytes, 0, true)
  }

  /** The revision with which the block came into the tree of `rev`: `Past.arrival`, mostly without the search. */
  made(rev: string): string | undefined {
    const { bytes, cid } = this.at
    const part = this.#loose ? undefined : this.#cursor.part
    const packed = part?.madeAt(this.at.start)
    // A later pack knows of its last coming only.
    if (packed === undefined || packed > rev) return this.#blocks.history.addedIn(bytes, cid, rev)
    // It may have gone and come back since the part was packed.
    const { loose: covered = 0 } = (part && this.#blocks.packOf(part)) ?? {}
    const loose = this.#blocks.commitLog.find(bytes, cid, rev, covered)?.made
    return loose !== undefined && loose > packed ? loose : packed
  }

  /** Goes on to the next block; false at the end. Throws where a block is missing. */
  next(): boolean {
    for (;;) {
      if (this.#depth === 0) return false
      const due = --this.#depth * ENTRY
      const stack = this.#stack
      this.isNode = stack[due + CID_LENGTH] === 1
      if (!this.isNode && this.#repeated.size > 0 && this.#isRepetition(stack, due)) continue
      this.#find(stack, due)
      if (this.#after && this.#isOld(this.#after)) continue
      if (this.isNode) {
        const { bytes, block } = this.at
        const links = nodeLinks(bytes, block)
        for (let i = links.length - 1; i >= 0; i--) {
          const place = links[i] ?? 0
          if (place < 0) this.#push(bytes, ~place, false)
          else this.#push(bytes, place, true)
        }
      }
      return true
    }
  }

  /** Where it is not known, a block is sent once too often rather than not at all. */
  #isOld({ since, rev }: NonNullable<StoredTreeWalkOptions['after']>): boolean {
    const made = this.made(rev)
    if (made !== undefined && made <= since) return true
    // It has come since; it may have been there before.
    return this.#blocks.history.wasInTree(since, this.at.bytes, this.at.cid)
  }

  #push(bytes: Uint8Array, at: number, node: boolean): void {
    let to = this.#depth++ * ENTRY
    if (to + ENTRY > this.#stack.length) {
      const larger = new Uint8Array(this.#stack.length * 2)
      larger.set(this.#stack)
      this.#stack = larger
    }
    const stack = this.#stack
    for (let i = 0; i < CID_LENGTH; i++) stack[to++] = bytes[at + i] ?? 0
    stack[to] = node ? 1 : 0
  }

  #isRepetition(cid: Uint8Array, at: number): boolean {
    const key = keyAt(cid, at)
    const seen = this.#repeated.get(key)
    if (seen === false) this.#repeated.set(key, true)
    return seen === true
  }

  #find(cid: Uint8Array, due: number): void {
    this.#loose = false
    if (this.#cursor.step(cid, due)) {
      this.at = this.#cursor.at
      return
    }
    const place = this.#blocks.find(cid, due)
    if (!place) throw new Error(`the block ${this.#blocks.name(cid, due)} is missing`)
    this.at = place.section
    this.#loose = place.part === undefined
    // Where the tour was in the pack it will likely go on.
    if (place.part) this.#cursor.goTo(place.part, place.section)
  }
}
