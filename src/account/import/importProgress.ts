/** How far an import has come. */
export interface ImportProgress {
  phase: 'receiving' | 'verifying' | 'switching'
  /** Bytes received. */
  bytes: number
  /** Blocks received. */
  blocks: number
  /** Records verified. */
  records: number
}

/** What the steps of an import have in common. */
export interface Course {
  /** Throws where the import was ended meanwhile. */
  check(): void
  /** Tells how far it has come, and how many bytes more were received. */
  note(now: Partial<ImportProgress>, received?: number): void
}
