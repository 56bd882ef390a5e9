import type { Commit } from '../../repo/commit.ts'

/** What an import has verified, and how it becomes the repository. */
export interface ImportPlan {
  commit: Commit
  /** How many records its tree has. */
  records: number
  /** Writes what can be written before the switch, because nobody reads it until then. */
  prepare(): void
  /** Does the rest in the switch's transaction, and returns the counts of the whole tree. */
  apply(): { blocks: number; records: number }
}
