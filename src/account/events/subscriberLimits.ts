import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { isLocal } from '../../network.ts'
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
const MAX_OF_NETWORK = 20
/**
 * One holder has many networks next to each other: this many sockets for a /24 of IPv4 or a /48 of IPv6. But strangers
 * are neighbours at a host, too: among them, the network with the most gives a place up to one that has fewer.
 */
const MAX_OF_BLOCK = 100
/** Strangers cause these entries of the journal: at most one of a kind in this time. */
const NOTE_INTERVAL_MS = 6 * 3600_000

/** The /24 of an IPv4 address, the /48 of a /64. */
const blockOf = (network: string | undefined): string | undefined =>
  network?.includes(':') ? network.split(':').slice(0, 3).join(':') : network?.replace(/\.\d+$/, '')

/**
 * The largest group, counting the newcomer in its own. Of groups of one size the newcomer's own, else the one that
 * grew last: those that have been here for long keep their place.
 */
const largest = <T extends SocketHolder>(
  holders: readonly T[],
  groupOf: (network: string | undefined) => string | undefined,
  newcomer: string | undefined,
): readonly T[] => {
  const own = groupOf(newcomer)
  const groups = [...Map.groupBy(holders, ({ network }) => groupOf(network))].map(([group, members]) => ({
    members,
    size: members.length + (group === own ? 1 : 0),
    latest: group === own ? Infinity : members.reduce((most, { since }) => Math.max(most, since), 0),
  }))
  groups.sort((a, b) => b.size - a.size || b.latest - a.latest)
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
      if (!isLocal(network)) {
        const all = [...open, ...closing]
        const block = blockOf(network)
        const ofNetwork = all.filter((holder) => holder.network === network).length
        const ofBlock = all.filter((holder) => blockOf(holder.network) === block).length
        if (ofNetwork < MAX_OF_NETWORK && ofBlock >= MAX_OF_BLOCK) {
          const neighbours = open.filter((holder) => blockOf(holder.network) === block)
          const most = largest(neighbours, (it) => it, network)
          if (most.length > ofNetwork + 1 && all.length < MAX_SOCKETS) return oldest(most)
        }
        if (ofNetwork >= MAX_OF_NETWORK || ofBlock >= MAX_OF_BLOCK) {
          note('firehose-refused', 'too many subscribers of one network', network)
          const max = ofNetwork >= MAX_OF_NETWORK ? MAX_OF_NETWORK : MAX_OF_BLOCK
          refuse(`there are ${max} subscribers of your network already`)
        }
      }
      if (open.length + closing.length >= MAX_SOCKETS) {
        note('firehose-full', 'too many sockets that do not close', network)
        refuse(`there are ${MAX_SOCKETS} sockets already`)
      }
      if (open.length < MAX_SUBSCRIBERS) return undefined
      note('firehose-full', 'the network with the most subscribers gave up one', network)
      return oldest(largest(largest(open, blockOf, network), (it) => it, network))
    },
  }
}
