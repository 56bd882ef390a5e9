/** A file that is not as it should be. */
export interface Finding {
  /** Relative to the folder of the archive. */
  file: string
  problem: 'missing' | 'wrong' | 'extra'
  detail: string
}
