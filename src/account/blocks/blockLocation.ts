import type { Sections } from '../../repo/sectionReader.ts'
import type { Part } from './packSegment.ts'

/** Where a block was found. */
export interface Place {
  /** The row of the loose blocks; in a pack, its part instead. */
  readonly n: number
  readonly part?: Part
  /** The revision with which the block came into the tree that it was found in. */
  readonly made: string
  /** It stands on the block's section. */
  readonly section: Sections
}
