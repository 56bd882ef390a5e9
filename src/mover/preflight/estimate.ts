import { type Check, pass } from '../check.ts'
import type { Contents } from './preflightTypes.ts'
import { sizeText } from './sizeText.ts'

/** What a move between two servers in data centres does at least, from a line at home. */
const BYTES_PER_SECOND = 2_000_000
const BLOBS_PER_SECOND = 10

const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} seconds` : `${Math.round(seconds / 60)} minutes`

/** How long the copy may take. Nothing depends on it: a move goes on after any interruption. */
export const estimate = ({ records, repoBytes, blobs = 0, blobBytes = 0 }: Contents): Check[] => {
  if (repoBytes === undefined) return []
  // Everything is fetched, and sent again.
  const seconds = (2 * (repoBytes + blobBytes)) / BYTES_PER_SECOND + blobs / BLOBS_PER_SECOND + 5
  const n = (value: number) => value.toLocaleString('en-US')
  return [
    pass(
      'duration',
      `about ${duration(seconds)} for ${n(records ?? 0)} records and ${n(blobs)} blobs, ${sizeText(repoBytes + blobBytes)}, at 2 MB a second`,
    ),
  ]
}
