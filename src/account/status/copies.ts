import type { Platform } from '../../platform.ts'

/** How much was given out by some time (milliseconds since the epoch). */
export interface CopyPoint {
  at: number
  records: number
  blobs: number
}

/**
 * What was given out to migration tokens, for the page that shows a move as it happens. In memory only, and bounded: a row
 * for each request would cost too much, and it is gone with the object.
 */
export interface Copies {
  /** Of the repository, as many records were given out by now. */
  noteRecords(records: number): void
  noteBlob(cid: string): void
  /** The oldest first; none where nothing was read for a day. */
  points(): readonly CopyPoint[]
}

const MAX_POINTS = 240
const FIRST_INTERVAL_MS = 1000
/** Beyond this many blobs, one that is read again counts again. */
const MAX_BLOBS = 20_000
/** What is read later than this belongs to another move. */
const FORGET_MS = 24 * 3600_000

export const createCopies = ({ platform }: { platform: Pick<Platform, 'now'> }): Copies => {
  const blobs = new Set<string>()
  let points: CopyPoint[] = []
  let intervalMs = FIRST_INTERVAL_MS

  const forgetOld = (now: number): void => {
    const last = points.at(-1)
    if (!last || now - last.at < FORGET_MS) return
    points = []
    blobs.clear()
    intervalMs = FIRST_INTERVAL_MS
  }

  /** The point of now: the last one where that is recent, but the first, from which the line begins, stays. */
  const point = (): CopyPoint => {
    const now = platform.now()
    forgetOld(now)
    const last = points.at(-1)
    if (last && points.length > 1 && now - (points.at(-2)?.at ?? 0) < intervalMs) {
      last.at = now
      return last
    }
    const next = { at: now, records: last?.records ?? 0, blobs: last?.blobs ?? 0 }
    points.push(next)
    if (points.length > MAX_POINTS) {
      // Every second one goes, and from now on they lie twice as far apart. The first and the last stay.
      points = points.filter((_, n) => n % 2 === 0 || n === points.length - 1)
      intervalMs *= 2
    }
    return next
  }

  return {
    noteRecords: (records) => {
      const now = point()
      // A second export, of what is new, has fewer.
      now.records = Math.max(now.records, records)
    },
    noteBlob: (cid) => {
      if (blobs.has(cid)) return
      const now = point()
      now.blobs++
      if (blobs.size < MAX_BLOBS) blobs.add(cid)
    },
    points: () => {
      forgetOld(platform.now())
      return points
    },
  }
}
