/** A file of a store, open to be read. */
export interface StoredFile {
  readonly size: number
  /** These bytes; fewer at the end of the file. */
  read(offset: number, length: number): Uint8Array
  stream(): AsyncIterable<Uint8Array>
  /** To be sent: its length is known, it is read from the disk, and it can be sent again. */
  blob(): Promise<Blob>
  close(): void
}

/** Where a move keeps its journal and the repository. Nothing in it but the repository is large. */
export interface MoveStore {
  /** Where that is, for messages. */
  readonly name: string
  /** The lines of the journal, the oldest first. */
  readLines(): Promise<string[]>
  /** Appends a line. Resolves when it is on the disk. Throws `another-mover` if the lock was taken over. */
  appendLine(line: string): Promise<void>
  /** Writes a file; until it is complete, the one of this name stays as it is. Returns its size. */
  writeFile(name: string, body: AsyncIterable<Uint8Array>): Promise<number>
  /** Undefined if there is no such file. */
  openFile(name: string): Promise<StoredFile | undefined>
  /**
   * Takes the lock. If another mover holds it, `takeOver` is asked, with how long ago that one last made progress.
   * Returns the release.
   */
  lock(takeOver: (holder: LockHolder) => Promise<void>): Promise<() => Promise<void>>
  /** Shows others that this mover makes progress. Throws `another-mover` if the lock was taken over. */
  touch(): Promise<void>
  /** Removes the files that a finished move no longer needs. The journal stays. */
  clearFiles(): Promise<void>
}

export interface LockHolder {
  /** Who it is, as far as it is known: process and machine. */
  readonly name: string
  /** How long ago it last made progress, in milliseconds. */
  readonly idleMs: number
}
