import { SectionReader } from '../../../repo/car/sectionReader.ts'
import { sameCid } from '../../../repo/cidBytes.ts'
import type { Blocks } from '../blocks.ts'
import type { PackSegment } from './packSegment.ts'

/** Sections that are read in search of the wanted one: blocks dropped since the pack was made may be in between. */
const NEAR_SECTIONS = 4

/** A position in a pack. The next block that is wanted is mostly found in the sections right after it. */
export class PackCursor {
  readonly #blocks: Blocks
  #segment: PackSegment | undefined
  #section = new SectionReader(new Uint8Array(0))

  constructor(blocks: Blocks) {
    this.#blocks = blocks
  }

  /** The section found last. It moves on with the cursor. */
  get section(): SectionReader {
    return this.#section
  }

  /** The segment that the section is in. */
  get segment(): PackSegment | undefined {
    return this.#segment
  }

  /** Moves to where a block was found in a pack. */
  goTo(segment: PackSegment, section: SectionReader): void {
    this.#segment = segment
    this.#section = section
  }

  /** Moves to the block of the CID at `offset` of `cid` if that is the next one, or near; else stays. */
  step(cid: Uint8Array, offset: number): boolean {
    const here = this.#section
    const { start, cidAt, blockAt, end } = here
    if (here.next() && sameCid(here.bytes, here.cidAt, cid, offset)) return true
    here.start = start
    here.cidAt = cidAt
    here.blockAt = blockAt
    here.end = end
    let segment = this.#segment
    let near = new SectionReader(here.bytes, end)
    for (let steps = 0; segment && steps < NEAR_SECTIONS; steps++) {
      if (!near.next()) {
        segment = this.#blocks.segmentAfter(segment)
        if (segment) near = new SectionReader(segment.bytes)
      } else if (sameCid(near.bytes, near.cidAt, cid, offset)) {
        this.#segment = segment
        this.#section = near
        return true
      }
    }
    return false
  }
}
