import type { Commit } from '../../repo/commit.ts'

/** What an import has verified, and how it becomes the repository. */
export interface ImportPlan {
  commit: Commit
  /** All the records of its tree. */
  records: number
  /** Writes what nobody reads yet. What it answers does the rest in the switch's transaction, and counts the tree. */
  prepare: () => () => { blocks: number; records: number }
}
