import type { Cid } from '@atproto/lex-data'
import { SectionReader } from '../../repo/car/sectionReader.ts'
import { CID_LENGTH, cidKeyAt } from '../../repo/cidBytes.ts'
import { nodeLinks } from '../../repo/tree/treeNode.ts'
import type { Blocks } from './blocks.ts'
import { PackCursor } from './packs/packCursor.ts'

/** Bytes of an entry of the stack: a CID, and whether it is a node's. */
const ENTRY_BYTES = CID_LENGTH + 1

/** Which blocks of a tree are visited. */
export interface StoredTreeWalkOptions {
  /** By `cidKeyAt`, records that several paths hold: each is visited only the first time. */
  repeated?: Iterable<string>
  /**
   * Of the tree of `rev`, visit only what the tree of `since` did not have: a block that it had is left out with
   * everything below it. Where it is not known what that tree had, only what has been in the tree ever since is left
   * out.
   */
  newSince?: { since: string; rev: string } | undefined
}

/**
 * Goes through a stored tree in the order of an export: a node, its left subtree, then each record and the subtree
 * after it. A pack has this very order, so that the next block is mostly right behind the last, and is found by
 * reading on; it is looked up only where the tree has changed since. Nothing keeps commits from being written
 * meanwhile: what the tree needs is there as long as it is pinned.
 *
 * It does not use `TreeWalk`, which parses and verifies every node: most of an export's own cost is reading nodes, and
 * here only the positions of their links are read.
 */
export class StoredTreeWalk {
  readonly #blocks: Blocks
  readonly #newSince: StoredTreeWalkOptions['newSince']
  /** By `cidKeyAt`, whether it has been visited. */
  readonly #repeated = new Map<string, boolean>()
  #stack = new Uint8Array(64 * ENTRY_BYTES)
  #depth = 0
  readonly #cursor: PackCursor
  /** The section of the current block. */
  section = new SectionReader(new Uint8Array(0))
  /** Whether the current block is a node. */
  isNode = false
  /** Whether the current block was found in the commit log. */
  #isLogged = false

  constructor(blocks: Blocks, root: Cid, options: StoredTreeWalkOptions = {}) {
    this.#blocks = blocks
    this.#cursor = new PackCursor(blocks)
    this.#newSince = options.newSince
    for (const key of options.repeated ?? []) this.#repeated.set(key, false)
    this.#push(root.bytes, 0, true)
  }

  /**
   * The revision with which the current block came into the tree of `rev`: `BlockHistory.addedIn`, mostly without the
   * search.
   */
  addedIn(rev: string): string | undefined {
    const { bytes, cidAt } = this.section
    const segment = this.#isLogged ? undefined : this.#cursor.segment
    const packed = segment?.addedIn(this.section.start)
    // A later pack only knows when the block was added the last time.
    if (packed === undefined || packed > rev) return this.#blocks.history.addedIn(bytes, cidAt, rev)
    // It may have been dropped and added again since it was packed.
    const packedRow = (segment && this.#blocks.packOf(segment))?.lastRow ?? 0
    const logged = this.#blocks.commitLog.find(bytes, cidAt, rev, packedRow)?.addedIn
    return logged !== undefined && logged > packed ? logged : packed
  }

  /** Goes on to the next block; false at the end. Throws where a block is missing. */
  next(): boolean {
    for (;;) {
      if (this.#depth === 0) return false
      const due = --this.#depth * ENTRY_BYTES
      const stack = this.#stack
      this.isNode = stack[due + CID_LENGTH] === 1
      if (!this.isNode && this.#repeated.size > 0 && this.#isVisited(stack, due)) continue
      this.#find(stack, due)
      if (this.#newSince && this.#isOld(this.#newSince)) continue
      if (this.isNode) {
        const { bytes, blockAt } = this.section
        const links = nodeLinks(bytes, blockAt)
        for (let i = links.length - 1; i >= 0; i--) {
          const link = links[i] ?? 0
          if (link < 0) this.#push(bytes, ~link, false)
          else this.#push(bytes, link, true)
        }
      }
      return true
    }
  }

  /**
   * Whether the tree of `since` had the current block. Where that is not known, a block is sent once too often rather
   * than not at all.
   */
  #isOld({ since, rev }: NonNullable<StoredTreeWalkOptions['newSince']>): boolean {
    const addedIn = this.addedIn(rev)
    if (addedIn !== undefined && addedIn <= since) return true
    // It was added since, but may have been in the old tree before that.
    return this.#blocks.history.wasInTree(since, this.section.bytes, this.section.cidAt)
  }

  #push(bytes: Uint8Array, offset: number, isNode: boolean): void {
    let to = this.#depth++ * ENTRY_BYTES
    if (to + ENTRY_BYTES > this.#stack.length) {
      const larger = new Uint8Array(this.#stack.length * 2)
      larger.set(this.#stack)
      this.#stack = larger
    }
    const stack = this.#stack
    for (let i = 0; i < CID_LENGTH; i++) stack[to++] = bytes[offset + i] ?? 0
    stack[to] = isNode ? 1 : 0
  }

  /** Whether a repeated record was visited; it counts as visited from now on. */
  #isVisited(cid: Uint8Array, offset: number): boolean {
    const key = cidKeyAt(cid, offset)
    const visited = this.#repeated.get(key)
    if (visited === false) this.#repeated.set(key, true)
    return visited === true
  }

  #find(cid: Uint8Array, offset: number): void {
    this.#isLogged = false
    if (this.#cursor.step(cid, offset)) {
      this.section = this.#cursor.section
      return
    }
    const location = this.#blocks.find(cid, offset)
    if (!location) throw new Error(`the block ${this.#blocks.cidText(cid, offset)} is missing`)
    this.section = location.section
    this.#isLogged = location.segment === undefined
    // From where this block was found in the pack, the next is probably near.
    if (location.segment) this.#cursor.goTo(location.segment, location.section)
  }
}
