/** The journal's hash chain, recomputed as the lexicon of getJournal describes it: only the canonical JSON is shared with the server. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonicalJson.ts'

export interface JournalEntry {
  n: number
  at: string
  event: string
  detail: unknown
  prev: string
  hash: string
}

export const GENESIS = '0'.repeat(64)

export const hashOf = ({ prev, n, at, event, detail }: JournalEntry): string =>
  createHash('sha256')
    .update([prev, n, Date.parse(at), JSON.stringify(event), canonicalJson(detail)].join('\n'))
    .digest('hex')

/** Checks entries that come newest first, as the server gives them. `end` when the first one was seen. */
export function createVerifier() {
  let newer: JournalEntry | undefined
  return {
    /** A sentence that says what is wrong with this entry, or nothing. */
    next(entry: JournalEntry): string | undefined {
      const before = newer
      newer = entry
      if (hashOf(entry) !== entry.hash) return `entry ${entry.n}: its hash is not that of its content`
      if (before && entry.n !== before.n - 1)
        return `entry ${before.n} follows entry ${entry.n}: some are missing`
      if (before && entry.hash !== before.prev)
        return `entry ${before.n} does not name the hash of entry ${entry.n}`
      return undefined
    },
    end(): string | undefined {
      if (!newer) return undefined
      if (newer.n !== 1) return `the journal begins with entry ${newer.n}`
      return newer.prev === GENESIS ? undefined : 'the first entry names an entry before it'
    },
  }
}
