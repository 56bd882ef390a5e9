/** What a run made on the server, and how it is removed again. */
export interface Cleanup {
  /** Registers how to undo something that was made. */
  made(what: string, undo: () => Promise<void>): void
  /** Something that was made and stays. */
  stays(what: string): void
  /** What would have to be removed now. */
  pending(): string[]
  /** Undoes everything, the last first. What cannot be undone is left. */
  run(): Promise<void>
  /** What was removed, and what is left on the server. */
  outcome(): { removed: string[]; left: string[] }
}

export function createCleanup(): Cleanup {
  const undo: { what: string; undo: () => Promise<void> }[] = []
  const left: string[] = []
  const removed: string[] = []
  return {
    made: (what, how) => void undo.push({ what, undo: how }),
    stays: (what) => void left.push(what),
    pending: () => undo.map(({ what }) => what),
    async run() {
      for (let next = undo.pop(); next; next = undo.pop()) {
        const { what, undo: how } = next
        await how().then(
          () => removed.push(what),
          (cause: unknown) => left.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`),
        )
      }
    },
    outcome: () => ({ removed, left }),
  }
}
