import type { SectionReader } from '../../../repo/car/sectionReader.ts'
import type { Blocks } from '../blocks.ts'
import { PackCursor } from './packCursor.ts'

/**
 * What a failed search by CID costs, where each block that is received earns 1: if most blocks are new, one in this
 * many is searched for.
 */
const FAILED_SEARCH_COST = 16
/** The most that can be earned and not yet spent on failed searches. */
const MAX_CREDIT = 8 * FAILED_SEARCH_COST

/**
 * Tells which of the blocks that an import receives are stored here already. They mostly come in the order of the
 * current pack, so that it is read along with them. Otherwise the commit rows after the pack are searched, and then
 * the pack; where most searches fail, only now and then: a wrong "no" only means that the block is kept twice. A
 * block that is known can be found as long as the pack is there.
 */
export class KnownBlocks {
  readonly #blocks: Blocks
  readonly #cursor: PackCursor
  #credit = MAX_CREDIT
  /** Whether the bytes of a packed block have changed: then nothing that is stored here can be relied on. */
  isBroken = false

  constructor(blocks: Blocks) {
    this.#blocks = blocks
    this.#cursor = new PackCursor(blocks)
  }

  /** Whether the block of this section is known. */
  has(section: SectionReader): boolean {
    this.#credit = Math.min(MAX_CREDIT, this.#credit + 1)
    const stored = this.#find(section)
    if (!stored) return false
    if (Buffer.compare(stored.content, section.content) === 0) return true
    this.isBroken = true
    return false
  }

  #find({ bytes, cidAt }: SectionReader): SectionReader | undefined {
    if (this.#cursor.step(bytes, cidAt)) return this.#cursor.section
    const pack = this.#blocks.packs.current()
    const logged = this.#blocks.commitLog.find(bytes, cidAt, undefined, pack?.lastRow)
    if (logged || !pack || this.#credit < FAILED_SEARCH_COST) return logged?.section
    const { segment, section } = this.#blocks.packs.find(pack, bytes, cidAt) ?? {}
    if (segment && section) this.#cursor.goTo(segment, section)
    else this.#credit -= FAILED_SEARCH_COST
    return section
  }
}
