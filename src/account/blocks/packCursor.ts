import { sameCid, SectionReader } from '../../repo/sectionReader.ts'
import type { Blocks } from './blocks.ts'
import type { PackSegment } from './packSegment.ts'

// So many sections are looked past for the one that is wanted: those of blocks dropped since the pack.
const NEAR = 4

/** A place in a pack, from where the next block that is wanted is mostly found by looking at what stands behind it. */
export class PackCursor {
  readonly #blocks: Blocks
  #part: PackSegment | undefined
  #at = new SectionReader(new Uint8Array(0))

  constructor(blocks: Blocks) {
    this.#blocks = blocks
  }

  /** The section last found. It moves on with the cursor. */
  get at(): SectionReader {
    return this.#at
  }

  get part(): PackSegment | undefined {
    return this.#part
  }

  /** Goes to where a block was found in a pack. */
  goTo(part: PackSegment, section: SectionReader): void {
    this.#part = part
    this.#at = section
  }

  /** Steps on to the block of the CID at `at` of `cid` if it is next, or near; else stays. */
  step(cid: Uint8Array, at: number): boolean {
    const here = this.#at
    const { start, cid: own, block, end } = here
    if (here.next() && sameCid(here.bytes, here.cid, cid, at)) return true
    here.start = start
    here.cid = own
    here.block = block
    here.end = end
    let part = this.#part
    let near = new SectionReader(here.bytes, end)
    for (let steps = 0; part && steps < NEAR; steps++) {
      if (!near.next()) {
        part = this.#blocks.partAfter(part)
        if (part) near = new SectionReader(part.bytes)
      } else if (sameCid(near.bytes, near.cid, cid, at)) {
        this.#part = part
        this.#at = near
        return true
      }
    }
    return false
  }
}

// What a search by CID in vain weighs, in blocks: where most are new, one in so many is searched for.
const IN_VAIN = 16
const MOST = 8 * IN_VAIN

/**
 * Tells of blocks that come whether they are here, by going along in the current pack: they mostly come in its
 * order. Else it looks into the loose rows after it, and searches the pack; where most searches are in vain, only
 * now and then: a no that is wrong costs no more than that the block is kept once more. Whoever is told yes can
 * find the block as long as the pack stays.
 */
export class KnownBlocks {
  readonly #blocks: Blocks
  readonly #cursor: PackCursor
  #patience = MOST
  /** Whether a block in the pack is not what it was: nothing here can be relied on then. */
  isBroken = false

  constructor(blocks: Blocks) {
    this.#blocks = blocks
    this.#cursor = new PackCursor(blocks)
  }

  has(section: SectionReader): boolean {
    this.#patience = Math.min(MOST, this.#patience + 1)
    const here = this.#find(section)
    if (!here) return false
    if (Buffer.compare(here.content, section.content) === 0) return true
    this.isBroken = true
    return false
  }

  #find({ bytes, cid }: SectionReader): SectionReader | undefined {
    if (this.#cursor.step(bytes, cid)) return this.#cursor.at
    const pack = this.#blocks.packs.current()
    const recent = this.#blocks.commitLog.find(bytes, cid, undefined, pack?.loose)
    if (recent || !pack || this.#patience < IN_VAIN) return recent?.section
    const { part, section } = this.#blocks.packs.find(pack, bytes, cid) ?? {}
    if (part && section) this.#cursor.goTo(part, section)
    else this.#patience -= IN_VAIN
    return section
  }
}
