import { docsLink } from '../../../docsLink.ts'
import type { Platform } from '../../../platform.ts'
import { error } from '../../../xrpc/errors.ts'
import { isLocal } from '../../../network.ts'
import type { Blocks } from '../../blocks/blocks.ts'

/** Who reads an export. For counting, not for trust. */
export interface ExportReader {
  /** Whether the reader has shown no credential. */
  isAnonymous: boolean
  /** Whether it is the owner or the admin, and not the holder of a migration token. */
  isOwner: boolean
  network: string | undefined
}

/** One export that is being read. */
export interface ExportPin {
  /** Notes that the export is still read: called for each chunk. */
  touch(): void
  /** Whether it still holds anything back. If it does not, it has lost its place among those that run at once. */
  isHeld(): boolean
  release(): void
}

/** The exports that are being read: what each of them needs must not be collected until it ends or is abandoned. */
export interface ExportPins {
  /**
   * Pins the tree of a revision. Throws `RateLimitExceeded` while too many exports are read: a part of the places is
   * kept for those with a credential, and of it a part for the owner, who is also the reader where none is named. One
   * network has a share only.
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

/** Exports that are read at once. */
const MAX_EXPORTS = 16
const MAX_ANONYMOUS = 12
/** Of strangers and of migration tokens: a revoked token's exports go on, and the owner must be able to make a backup. */
const MAX_OF_OTHERS = 14
const MAX_OF_NETWORK = 4
/** An export from which nothing was read for this long gives up its place if another needs it. */
const STALLED_MS = 120_000
const RETRY_AFTER_SECONDS = 30

interface Held extends ExportReader {
  begun: number
  /** It needs what packs have superseded at this time (milliseconds) or later. */
  neededSince: number
  touched: number
}

const OWNER: ExportReader = { isAnonymous: false, isOwner: true, network: undefined }

const tooMany = (max: number, whose: string): Error =>
  error(
    'RateLimitExceeded',
    `${max} exports ${whose}are being read: try again later. ${docsLink('rate-limit')}`,
    {
      'retry-after': String(RETRY_AFTER_SECONDS),
    },
  )

export const createExportPins = ({ platform, blocks }: ExportPinsDeps): ExportPins => {
  const pins = new Set<Held>()

  const dropAbandoned = (now: number): void => {
    for (const held of pins)
      if (now - held.touched > ABANDONED_MS || now - held.begun > MAX_EXPORT_MS) pins.delete(held)
  }

  /** Of these, the one from which nothing was read for the longest time. */
  const stalest = (some: readonly Held[]): Held | undefined =>
    some.toSorted((a, b) => a.touched - b.touched)[0]

  /** The exports of the network that has the most, if that is more than this reader's would have. */
  const crowd = (anonymous: readonly Held[], { network }: ExportReader): readonly Held[] => {
    const groups = Map.groupBy(anonymous, (held) => held.network)
    const own = groups.get(network)?.length ?? 0
    const most = [...groups.values()].toSorted((a, b) => b.length - a.length)[0] ?? []
    return most.length > own + 1 ? most : []
  }

  /** Makes sure that there is a place for one more export, or throws. */
  const makePlace = (reader: ExportReader, now: number): void => {
    dropAbandoned(now)
    const free = (some: readonly Held[], max: number, whose: string, crowded: readonly Held[] = []): void => {
      if (some.length < max) return
      const stalled = stalest(some.filter(({ touched }) => now - touched > STALLED_MS)) ?? stalest(crowded)
      if (!stalled) throw tooMany(max, whose)
      pins.delete(stalled)
    }
    if (reader.isAnonymous) {
      const anonymous = () => [...pins].filter(({ isAnonymous }) => isAnonymous)
      if (!isLocal(reader.network)) {
        const ofNetwork = anonymous().filter(({ network }) => network === reader.network)
        free(ofNetwork, MAX_OF_NETWORK, 'for your network ')
      }
      free(anonymous(), MAX_ANONYMOUS, 'without a credential ', crowd(anonymous(), reader))
    }
    if (!reader.isOwner)
      free(
        [...pins].filter(({ isOwner }) => !isOwner),
        MAX_OF_OTHERS,
        '',
      )
    free([...pins], MAX_EXPORTS, '')
  }

  return {
    pin: (rev, reader = OWNER) => {
      const now = platform.now()
      makePlace(reader, now)
      // If the revision is not the latest, a pack of a later one may have superseded it already.
      const pack = blocks.packs.all().findLast((it) => it.rev > rev)
      const held: Held = { ...reader, begun: now, neededSince: pack?.at ?? now, touched: now }
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
      dropAbandoned(platform.now())
      return [...pins].reduce<number | undefined>(
        (oldest, held) => Math.min(oldest ?? Infinity, held.neededSince),
        undefined,
      )
    },
  }
}
