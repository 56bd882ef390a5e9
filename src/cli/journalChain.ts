import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonicalJson.ts'

/** An entry as getJournal returns it. */
export interface JournalEntry {
  n: number
  at: string
  event: string
  detail: unknown
  prev: string
  hash: string
}

/** What the first entry names as the hash of the entry before it. */
export const GENESIS = '0'.repeat(64)

/** The hash of an entry, from its content. */
export const hashOf = ({ prev, n, at, event, detail }: JournalEntry): string =>
  createHash('sha256')
    .update([prev, n, Date.parse(at), JSON.stringify(event), canonicalJson(detail)].join('\n'))
    .digest('hex')

/**
 * Checks the journal's hash chain. It is recomputed as the lexicon of getJournal describes it; except for canonicalJson
 * no code is shared with the server. Entries are given newest first, as the server returns them, and `end` is called
 * after the last one.
 */
export function createVerifier() {
  let newer: JournalEntry | undefined
  return {
    /** A sentence that says what is wrong with this entry; undefined if nothing is. */
    next(entry: JournalEntry): string | undefined {
      const before = newer
      newer = entry
      if (hashOf(entry) !== entry.hash) return `entry ${entry.n}: its hash is not the hash of its content`
      if (before && entry.n !== before.n - 1)
        return `entry ${before.n} follows entry ${entry.n}: entries are missing`
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
