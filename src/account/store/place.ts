import type { DigestTable } from '../../repo/digestTable.ts'
import { sameCid, Sections } from '../../repo/section.ts'
import type { Part } from './part.ts'

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

/** What a table's second number keeps of a place; above it there is room for what else is known of the block. */
export const PLACE = 2 ** 24

/** The section of the CID at `at` of `cid`, found by a table of rows and places in them. */
export const sectionIn = (
  table: DigestTable,
  cid: Uint8Array,
  at: number,
  row: (n: number) => Uint8Array,
): { slot: number; section: Sections } | undefined => {
  for (let slot = table.find(cid, at); slot >= 0; slot = table.find(cid, at, slot)) {
    const section = new Sections(row(table.first(slot)), table.second(slot) % PLACE)
    if (section.next() && sameCid(section.bytes, section.cid, cid, at)) return { slot, section }
  }
  return undefined
}
