import type { Commit } from '../../repo/commit.ts'
import type { Block } from '../commit.ts'
import type { Head } from '../head.ts'

/** Where the repository goes by an import. */
export interface Switch {
  head: Head
  /** The commit of our own over the tree that came, where the one that came with it is not kept. */
  signed: Block | undefined
}

/** What an import has verified, and how it becomes the repository. */
export interface Verified {
  commit: Commit
  /** All the records of its tree. */
  records: number
  /** Writes what nobody reads yet. What it answers does the rest in the switch's transaction, and counts the tree. */
  prepare: () => (to: Switch) => { blocks: number; records: number }
}
