import type { SectionReader } from '../../repo/sectionReader.ts'
import type { PackSegment } from './packSegment.ts'

/** Where a block was found. */
export interface BlockLocation {
  /** The row of the loose blocks; in a pack, its part instead. */
  readonly n: number
  readonly part?: PackSegment
  /** The revision with which the block came into the tree that it was found in. */
  readonly made: string
  /** It stands on the block's section. */
  readonly section: SectionReader
}
