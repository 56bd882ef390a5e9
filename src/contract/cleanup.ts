import { NoAnswer } from './ask.ts'

/** What a run made on the server, and how it is removed again. */
export interface Cleanup {
  /** Registers how to undo something that was made. */
  made(what: string, undo: () => Promise<void>): void
  /** Something that was made and stays. */
  stays(what: string): void
  /** Something that was made, and removed already. */
  removed(what: string): void
  /** Everything that was made is gone already. */
  gone(): void
  isGone(): boolean
  /** What would have to be removed now. */
  pending(): string[]
  /** Undoes everything, the last first. What cannot be undone is left, and all the rest once the server is silent. */
  run(): Promise<void>
  /** What was removed, and what is left on the server; whether some of that was to be removed. */
  outcome(): { removed: string[]; left: string[]; hasFailed: boolean }
}

/** After so many without an answer, the server is gone: waiting for each of the others would take minutes. */
const MAX_SILENT = 2

export function createCleanup(): Cleanup {
  const undo: { what: string; undo: () => Promise<void> }[] = []
  const left: string[] = []
  const removed: string[] = []
  let [isGone, hasFailed] = [false, false]
  return {
    made: (what, how) => void undo.push({ what, undo: how }),
    removed: (what) => void removed.push(what),
    stays: (what) => void left.push(what),
    gone() {
      isGone = true
      removed.push(...undo.splice(0).map(({ what }) => what))
    },
    isGone: () => isGone,
    pending: () => undo.map(({ what }) => what),
    async run() {
      let silent = 0
      for (let next = undo.pop(); next; next = undo.pop()) {
        const { what, undo: how } = next
        if (silent >= MAX_SILENT) {
          hasFailed = true
          left.push(`${what}: not tried, as the server does not answer`)
          continue
        }
        try {
          await how()
          silent = 0
          removed.push(what)
        } catch (cause) {
          silent = cause instanceof NoAnswer ? silent + 1 : 0
          hasFailed = true
          left.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
        }
      }
    },
    outcome: () => ({ removed, left, hasFailed }),
  }
}
