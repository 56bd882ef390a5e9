import { blockOf, regionOf } from '../../../network.ts'

interface Pending {
  id: string
  /** Who pushed it. */
  network: string | undefined
  /** A browser in which the owner is signed in has opened it. */
  isOpened: boolean
}

/** How many requests may wait. */
export const MAX_PENDING = 500
/** How many of them may be of one network: the server of an app pushes for all who sign in with it. */
export const MAX_PENDING_OF_NETWORK = 100

type GroupOf = (network: string | undefined) => string | undefined

/** The largest group, with the newcomer counted in its own; of groups of one size, the one whose oldest came first. */
const crowd = (
  pending: readonly Pending[],
  groupOf: GroupOf,
  newcomer: string | undefined,
): readonly Pending[] => {
  let most: { members: readonly Pending[]; size: number } = { members: [], size: 0 }
  for (const [group, members] of Map.groupBy(pending, ({ network }) => groupOf(network))) {
    const size = members.length + (group === groupOf(newcomer) ? 1 : 0)
    if (size > most.size) most = { members, size }
  }
  return most.members
}

/** Those that nobody but a stranger may have begun: what the owner has opened goes only where there is nothing else. */
const firstToGo = (some: readonly Pending[]): readonly Pending[] => {
  const unopened = some.filter(({ isOpened }) => !isOpened)
  return unopened.length > 0 ? unopened : some
}

/**
 * Which request must go for another one of this network; undefined where there is room. Of a network that has its share it
 * is that network's oldest; where all places are taken it is the oldest of the largest crowd: so a client that pushes many
 * pushes out its own, and to reach the owner's a stranger needs as many networks far apart as there are places, at once.
 * A stranger who begins sign-ins at the server of an app is of that server's network, as the owner is: the owner's request
 * is safe from them once the owner has opened it. `pending` has the oldest first.
 */
export const pushedOut = (pending: readonly Pending[], network: string | undefined): string | undefined => {
  const own = pending.filter((each) => each.network === network)
  if (own.length >= MAX_PENDING_OF_NETWORK) return firstToGo(own)[0]?.id
  if (pending.length < MAX_PENDING) return undefined
  const region = crowd(firstToGo(pending), regionOf, network)
  const block = crowd(region, blockOf, network)
  return crowd(block, (it) => it, network)[0]?.id
}
