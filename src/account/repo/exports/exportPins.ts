import type { Platform } from '../../../platform.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import { createExportPlaces, type ExportReader, type PlaceHolder } from './exportPlaces.ts'
import { ReadPace } from './readPace.ts'

/** One export that is being read. */
export interface ExportPin {
  /** Notes that the export is still read: called for each chunk, with its length. */
  touch(bytes: number): void
  /** What to call when the export has lost its place to another, and no longer holds anything back. */
  whenLost(end: (cause: Error) => void): void
  release(): void
}

/** The exports that are being read: what each of them needs must not be collected until it ends or is abandoned. */
export interface ExportPins {
  /**
   * Pins the tree of a revision. Throws `RateLimitExceeded` while too many exports are read (`ExportPlaces`). The owner
   * is the reader where none is named.
   */
  pin(rev: string, reader?: ExportReader): ExportPin
  /** The time (milliseconds) since when superseded blocks are needed; undefined while nothing is read. */
  neededSince(): number | undefined
}

export interface ExportPinsDeps {
  platform: Pick<Platform, 'now'>
  blocks: Blocks
}

/** An export from which nothing was read for this long no longer holds anything back. */
const ABANDONED_MS = 3600_000
/** Nor does one that takes longer than this, even if it is still read: anybody may begin one. */
const MAX_EXPORT_MS = 24 * 3600_000

interface Held extends PlaceHolder {
  begun: number
  /** It needs what packs have superseded at this time (milliseconds) or later. */
  neededSince: number
  /** Why it has lost its place. */
  lost?: Error
  end?: (cause: Error) => void
}

const OWNER: ExportReader = { isAnonymous: false, isOwner: true, network: undefined }

export const createExportPins = ({ platform, blocks }: ExportPinsDeps): ExportPins => {
  const pins = new Set<Held>()
  const places = createExportPlaces()

  const lose = (held: Held, why: string): void => {
    pins.delete(held)
    held.lost = new Error(`an export has lost its place: ${why}`)
    held.end?.(held.lost)
  }

  const dropAbandoned = (now: number): void => {
    for (const held of pins)
      if (now - held.touched > ABANDONED_MS || now - held.begun > MAX_EXPORT_MS)
        lose(held, 'it was left for too long')
  }

  return {
    pin: (rev, reader = OWNER) => {
      const now = platform.now()
      dropAbandoned(now)
      places.makePlace(pins, reader, now, lose)
      // If the revision is not the latest, a pack of a later one may have superseded it already.
      const pack = blocks.packs.all().findLast((it) => it.rev > rev)
      const neededSince = pack?.at ?? now
      const held: Held = { ...reader, begun: now, neededSince, touched: now, pace: new ReadPace(now) }
      pins.add(held)
      return {
        touch: (bytes) => {
          held.touched = platform.now()
          held.pace.note(bytes, held.touched)
        },
        whenLost: (end) => {
          if (held.lost) end(held.lost)
          else held.end = end
        },
        release: () => {
          pins.delete(held)
        },
      }
    },
    neededSince: () => {
      dropAbandoned(platform.now())
      return [...pins].reduce<number | undefined>(
        (oldest, held) => Math.min(oldest ?? Infinity, held.neededSince),
        undefined,
      )
    },
  }
}
