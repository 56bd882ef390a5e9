/** How far an import is. */
export interface ImportProgress {
  phase: 'receiving' | 'verifying' | 'switching'
  /** Bytes received. */
  bytes: number
  /** Blocks received. */
  blocks: number
  /** Records verified. */
  records: number
}

/** What the steps of a running import call. */
export interface ImportMonitor {
  /** Throws where the import was ended meanwhile; otherwise the import counts as making progress. */
  assertRunning(): void
  /** Reports how far the import is, and how many bytes more were received. */
  report(progress: Partial<ImportProgress>, receivedBytes?: number): void
}
