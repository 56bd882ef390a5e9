import type { SectionReader } from '../../repo/car/sectionReader.ts'
import type { PackSegment } from './packs/packSegment.ts'

/** As a revision: above every TID, so that the latest tree is meant. */
export const ABOVE_ALL_REVS = '~'

/** Where a block was found: in a row of the commit log, or in a segment of a pack. */
export interface BlockLocation {
  /** The row of the commit log; 0 in a pack. */
  readonly row: number
  /** The segment; undefined in the commit log. */
  readonly segment?: PackSegment
  /** The revision with which the block came into the tree that it was found in. */
  readonly addedIn: string
  /** Positioned at the block's section. */
  readonly section: SectionReader
}
