import type { Platform } from '../../../platform.ts'
import type { Blocks } from '../../blocks/blocks.ts'

/** One export that is being read. */
export interface ExportPin {
  /** Notes that the export is still read: called for each chunk. */
  touch(): void
  /** Whether it still holds anything back. */
  isHeld(): boolean
  release(): void
}

/** The exports that are being read: what each of them needs must not be collected until it ends or is abandoned. */
export interface ExportPins {
  /** Pins the tree of a revision. */
  pin(rev: string): ExportPin
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

interface Held {
  begun: number
  /** It needs what packs have superseded at this time (milliseconds) or later. */
  neededSince: number
  touched: number
}

export const createExportPins = ({ platform, blocks }: ExportPinsDeps): ExportPins => {
  const pins = new Set<Held>()
  return {
    pin: (rev) => {
      const now = platform.now()
      // If the revision is not the latest, a pack of a later one may have superseded it already.
      const pack = blocks.packs.all().findLast((it) => it.rev > rev)
      const held: Held = { begun: now, neededSince: pack?.at ?? now, touched: now }
      pins.add(held)
      return {
        touch: () => {
          held.touched = platform.now()
        },
        isHeld: () => pins.has(held),
        release: () => {
          pins.delete(held)
        },
      }
    },
    neededSince: () => {
      const now = platform.now()
      let oldest: number | undefined
      for (const held of pins) {
        if (now - held.touched > ABANDONED_MS || now - held.begun > MAX_EXPORT_MS) pins.delete(held)
        else if (oldest === undefined || held.neededSince < oldest) oldest = held.neededSince
      }
      return oldest
    },
  }
}
