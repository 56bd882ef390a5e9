import { crowdedOut } from '../crowdedOut.ts'

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

/** What the owner has opened goes only where there is nothing else. */
const firstToGo = (some: readonly Pending[]): readonly Pending[] => {
  const unopened = some.filter(({ isOpened }) => !isOpened)
  return unopened.length > 0 ? unopened : some
}

/**
 * Which request must go for another one of this network; undefined where there is room. Of a network that has its share it
 * is that network's oldest; where all places are taken it is the one that is crowded out. A stranger who begins sign-ins
 * at the server of an app is of that server's network, as the owner is: the owner's request is safe from them once the owner
 * has opened it. `pending` has the oldest first.
 */
export const pushedOut = (pending: readonly Pending[], network: string | undefined): string | undefined => {
  const own = pending.filter((each) => each.network === network)
  if (own.length >= MAX_PENDING_OF_NETWORK) return firstToGo(own)[0]?.id
  if (pending.length < MAX_PENDING) return undefined
  return crowdedOut(firstToGo(pending), network)?.id
}
