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

/** The `prev` of the first entry, which has no entry before it. */
export const FIRST_PREV = '0'.repeat(64)

/** The hash of an entry, from its content. */
export const entryHash = ({ prev, n, at, event, detail }: JournalEntry): string =>
  createHash('sha256')
    .update([prev, n, Date.parse(at), JSON.stringify(event), canonicalJson(detail)].join('\n'))
    .digest('hex')

/**
 * Checks the journal's hash chain. It is recomputed as the lexicon of getJournal describes it; except for canonicalJson
 * no code is shared with the server. Give entries to `check` newest first, as the server returns them, and call `end`
 * after the last one.
 */
export function createChainVerifier() {
  /** The oldest entry so far. */
  let oldest: JournalEntry | undefined
  return {
    /** A sentence that says what is wrong with this entry; undefined if nothing is. */
    check(entry: JournalEntry): string | undefined {
      const newer = oldest
      oldest = entry
      if (entryHash(entry) !== entry.hash) return `entry ${entry.n}: its hash is not the hash of its content`
      if (newer && entry.n !== newer.n - 1)
        return `entry ${newer.n} follows entry ${entry.n}: entries are missing`
      if (newer && entry.hash !== newer.prev)
        return `entry ${newer.n} does not name the hash of entry ${entry.n}`
      return undefined
    },
    /** The same for the beginning of the chain. */
    end(): string | undefined {
      if (!oldest) return undefined
      if (oldest.n !== 1) return `the journal begins with entry ${oldest.n}`
      return oldest.prev === FIRST_PREV ? undefined : 'the first entry names an entry before it'
    },
  }
}
