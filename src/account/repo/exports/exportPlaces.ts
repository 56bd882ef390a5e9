import { docsLink } from '../../../docsLink.ts'
import { blockOf, isLocal } from '../../../network.ts'
import { error } from '../../../xrpc/errors.ts'
import type { ReadPace } from './readPace.ts'

/** Who reads an export. For counting, not for trust. */
export interface ExportReader {
  /** Whether the reader has shown no credential. */
  isAnonymous: boolean
  /** Whether it is the owner or the admin, and not the holder of a migration token. */
  isOwner: boolean
  network: string | undefined
}

/** An export that is being read. Times are in milliseconds. */
export interface PlaceHolder extends ExportReader {
  /** When something was read of it last. */
  touched: number
  pace: ReadPace
}

/**
 * The places of the exports that are read at once. A part of them is kept for those with a credential, and of it a part
 * for the owner; one network has a share only. What is not read, or next to nothing of it, gives its place up.
 */
export interface ExportPlaces {
  /**
   * Makes sure that there is a place for one more export of this reader: ends others with `lose`, which says why, or
   * throws `RateLimitExceeded`.
   */
  makePlace<T extends PlaceHolder>(
    holders: Iterable<T>,
    reader: ExportReader,
    now: number,
    lose: (holder: T, why: string) => void,
  ): void
}

/** Exports that are read at once. */
const MAX_EXPORTS = 16
const MAX_ANONYMOUS = 12
/** Of strangers and of migration tokens: a revoked token's exports go on, and the owner must be able to make a backup. */
const MAX_OF_OTHERS = 14
const MAX_OF_NETWORK = 4
/** An export from which nothing was read for this long gives up its place if another needs it. */
const STALLED_MS = 120_000
/** So does a stranger's from which less than this was read in a second. */
const LEAST_BYTES_PER_SECOND = 16 * 1024
/** Those whose export was ended for this do not end another's for as long. They may take a place that is free. */
const SLOW_MS = 10 * 60_000
const MAX_SLOW_BLOCKS = 1000
const RETRY_AFTER_SECONDS = 30

const tooMany = (max: number, whose: string): Error =>
  error(
    'RateLimitExceeded',
    `${max} exports ${whose}are being read: try again later. ${docsLink('rate-limit')}`,
    {
      'retry-after': String(RETRY_AFTER_SECONDS),
    },
  )

/** The one from which nothing was read for the longest time. */
const stalest = <T extends PlaceHolder>(some: readonly T[]): T | undefined =>
  some.toSorted((a, b) => a.touched - b.touched)[0]

/** The group with the most exports, if that is more than this reader's would have. */
const most = <T extends PlaceHolder>(
  some: readonly T[],
  groupOf: (network: string | undefined) => string | undefined,
  { network }: ExportReader,
): readonly T[] => {
  const groups = Map.groupBy(some, (holder) => groupOf(holder.network))
  const own = groups.get(groupOf(network))?.length ?? 0
  const first = [...groups.values()].toSorted((a, b) => b.length - a.length)[0] ?? []
  return first.length > own + 1 ? first : []
}

/** The exports of those who have more than their share: of a block of neighbours, and in it of a network. */
const crowd = <T extends PlaceHolder>(some: readonly T[], reader: ExportReader): readonly T[] => {
  const block = most(some, blockOf, reader)
  const network = most(block.length > 0 ? block : some, (it) => it, reader)
  return network.length > 0 ? network : block
}

/** The stranger's that is read the slowest, if that is next to nothing. */
const slowest = <T extends PlaceHolder>(some: readonly T[], now: number): T | undefined =>
  some
    .filter(({ isAnonymous }) => isAnonymous)
    .map((holder) => ({ holder, pace: holder.pace.bytesPerSecond(now) ?? Infinity }))
    .filter(({ pace }) => pace < LEAST_BYTES_PER_SECOND)
    .toSorted((a, b) => a.pace - b.pace)[0]?.holder

export const createExportPlaces = (): ExportPlaces => {
  /** The blocks of networks of which an export was not read, and when it was ended. */
  const slowBlocks = new Map<string | undefined, number>()

  /** Otherwise the slow ones would take the places of each other again and again, and nobody else would get one. */
  const isSlow = ({ isAnonymous, network }: ExportReader, now: number): boolean => {
    const age = now - (slowBlocks.get(blockOf(network)) ?? -Infinity)
    return isAnonymous && age >= 0 && age < SLOW_MS
  }

  const noteSlow = ({ isAnonymous, network }: ExportReader, now: number): void => {
    if (!isAnonymous) return
    if (slowBlocks.size >= MAX_SLOW_BLOCKS) slowBlocks.clear()
    slowBlocks.set(blockOf(network), now)
  }

  return {
    makePlace: <T extends PlaceHolder>(
      holders: Iterable<T>,
      reader: ExportReader,
      now: number,
      lose: (holder: T, why: string) => void,
    ): void => {
      const held = new Set(holders)
      const wasSlow = isSlow(reader, now)

      const free = (
        max: number,
        whose: string,
        isCounted: (holder: T) => boolean,
        { isOwn = false, isShared = false } = {},
      ): void => {
        const some = [...held].filter(isCounted)
        if (some.length < max) return
        const mayEnd = isOwn || !wasSlow
        const stalled = some.filter(({ touched }) => now - touched > STALLED_MS)
        const idle = mayEnd ? stalest(stalled) : undefined
        const crowded = idle || !isShared ? undefined : stalest(crowd(some, reader))
        const loser = idle ?? crowded ?? (mayEnd ? slowest(some, now) : undefined)
        if (!loser) throw tooMany(max, whose)
        if (loser !== crowded) noteSlow(loser, now)
        held.delete(loser)
        lose(loser, loser === crowded ? 'its network had the most' : 'it was not read, or too slowly')
      }

      const { isAnonymous, isOwner, network } = reader
      if (isAnonymous && !isLocal(network))
        free(MAX_OF_NETWORK, 'for your network ', (it) => it.isAnonymous && it.network === network, {
          isOwn: true,
        })
      if (isAnonymous)
        free(MAX_ANONYMOUS, 'without a credential ', (it) => it.isAnonymous, { isShared: true })
      if (!isOwner) free(MAX_OF_OTHERS, '', (it) => !it.isOwner)
      free(MAX_EXPORTS, '', () => true)
    },
  }
}
