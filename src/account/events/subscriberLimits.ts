import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { blockOf, isLocal, regionOf } from '../../network.ts'
import type { Sql } from '../db/sql.ts'

/** Who holds a socket, and since when. In the socket's attachment, so that it is known after hibernation. */
export interface SocketHolder {
  network: string | undefined
  /** Milliseconds. */
  since: number
}

/**
 * How many sockets the firehose has, and how many of them one network: a stranger must not be able to take every
 * place. When all places are taken, the network with the most gives one up, so a relay always gets in.
 */
export interface SubscriberLimits {
  /**
   * Makes sure that there is a place for one more socket of this network: returns the holder who must give one up,
   * undefined if there is a free one. Throws `RateLimitExceeded` where the network has its share, or its neighbours have
   * theirs and none of them has more than it would have. `closing` sockets
   * take no place, but count for their network: it decides how long they stay.
   */
  admit<T extends SocketHolder>(
    network: string | undefined,
    sockets: { open: readonly T[]; closing: readonly SocketHolder[] },
  ): T | undefined
}

export interface SubscriberLimitsDeps {
  sql: Sql
  /** The account's journal. */
  journal: {
    append(event: string, detail: { why: string; network: string }): unknown
    has(row: { event: string; key: string; value: string; after: number }): boolean
  }
  platform: Pick<Platform, 'now'>
}

export const MAX_SUBSCRIBERS = 1000
/** Sockets in all, with those that were closed here and that the other side still holds open. */
const MAX_SOCKETS = 2 * MAX_SUBSCRIBERS
/** The same for a newcomer of whose neighbours none holds on to such a socket. The platform allows 32,768. */
const MAX_SOCKETS_FOR_OTHERS = 10 * MAX_SUBSCRIBERS
const MAX_OF_NETWORK = 20
/**
 * One holder has many networks next to each other: this many sockets for a /24 of IPv4 or a /48 of IPv6. But strangers
 * are neighbours at a host, too: among them, the network with the most gives a place up to one that has fewer.
 */
const MAX_OF_BLOCK = 100
/** A subscriber keeps its place for this long if there are others that can give one up. */
const SETTLE_MS = 60_000
/** Strangers cause these entries of the journal: at most one of a kind in this time. */
const NOTE_INTERVAL_MS = 6 * 3600_000

/**
 * The largest group, counting the newcomer in its own. Of groups of one size the newcomer's own, else the one that
 * grew last: those that have been here for long keep their place. But one that has just grown keeps it for a while as
 * well, if there is another: each who gets in has time to read what is new, however many come after it.
 */
const largest = <T extends SocketHolder>(
  holders: readonly T[],
  groupOf: (network: string | undefined) => string | undefined,
  newcomer: SocketHolder,
): readonly T[] => {
  const own = groupOf(newcomer.network)
  const groups = [...Map.groupBy(holders, ({ network }) => groupOf(network))].map(([group, members]) => {
    const latest = members.reduce((most, { since }) => Math.max(most, since), 0)
    const isNew = newcomer.since - latest < SETTLE_MS
    return {
      members,
      size: members.length + (group === own ? 1 : 0),
      rank: group === own ? Infinity : isNew ? latest - newcomer.since : latest,
    }
  })
  groups.sort((a, b) => b.size - a.size || b.rank - a.rank)
  return groups[0]?.members ?? []
}

const oldest = <T extends SocketHolder>(holders: readonly T[]): T | undefined =>
  holders.toSorted((a, b) => a.since - b.since)[0]

export const createSubscriberLimits = ({
  sql,
  journal,
  platform,
}: SubscriberLimitsDeps): SubscriberLimits => {
  const notedAt = new Map<string, number>()

  const note = (event: 'firehose-full' | 'firehose-refused', why: string, network = 'unknown'): void => {
    const now = platform.now()
    const after = now - NOTE_INTERVAL_MS
    if ((notedAt.get(event) ?? 0) > after) return
    notedAt.set(event, now)
    if (!journal.has({ event, key: 'why', value: why, after }))
      sql.transaction(() => journal.append(event, { why, network }))
  }

  const refuse = (message: string): never => {
    throw error('RateLimitExceeded', `${message}: try again later`)
  }

  return {
    admit: (network, { open, closing }) => {
      const newcomer = { network, since: platform.now() }
      const all = [...open, ...closing]
      const own = blockOf(network)
      const isHolding = closing.some((holder) => blockOf(holder.network) === own)
      const maxSockets = isHolding ? MAX_SOCKETS : MAX_SOCKETS_FOR_OTHERS
      if (!isLocal(network)) {
        const ofNetwork = all.filter((holder) => holder.network === network).length
        const ofBlock = all.filter((holder) => blockOf(holder.network) === own).length
        if (ofNetwork < MAX_OF_NETWORK && ofBlock >= MAX_OF_BLOCK) {
          const neighbours = open.filter((holder) => blockOf(holder.network) === own)
          const most = largest(neighbours, (it) => it, newcomer)
          if (most.length > ofNetwork + 1 && all.length < maxSockets) return oldest(most)
        }
        if (ofNetwork >= MAX_OF_NETWORK || ofBlock >= MAX_OF_BLOCK) {
          note('firehose-refused', 'too many subscribers of one network', network)
          const max = ofNetwork >= MAX_OF_NETWORK ? MAX_OF_NETWORK : MAX_OF_BLOCK
          refuse(`there are ${max} subscribers of your network already`)
        }
      }
      if (all.length >= maxSockets) {
        note('firehose-full', 'too many sockets that do not close', network)
        refuse(`there are ${maxSockets} sockets already`)
      }
      if (open.length < MAX_SUBSCRIBERS) return undefined
      note('firehose-full', 'the network with the most subscribers gave up one', network)
      // A holder of many blocks has them in one region; but a few relays in one are not a crowd.
      const region = largest(open, regionOf, newcomer)
      const block = largest(region.length > MAX_OF_BLOCK ? region : open, blockOf, newcomer)
      return oldest(largest(block, (it) => it, newcomer))
    },
  }
}
