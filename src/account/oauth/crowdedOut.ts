import { blockOf, regionOf } from '../../network.ts'

interface Member {
  /** Whose it is. */
  network: string | undefined
}

/** The largest group, with the newcomer counted in its own; of groups of one size, the one whose oldest came first. */
const crowd = <T extends Member>(
  some: readonly T[],
  groupOf: (network: string | undefined) => string | undefined,
  newcomer: string | undefined,
): readonly T[] => {
  let most: { members: readonly T[]; size: number } = { members: [], size: 0 }
  for (const [group, members] of Map.groupBy(some, ({ network }) => groupOf(network))) {
    const size = members.length + (group === groupOf(newcomer) ? 1 : 0)
    if (size > most.size) most = { members, size }
  }
  return most.members
}

/**
 * Which one must go where all places are taken and another one comes of this network: the oldest of the largest crowd, of
 * regions, in it of blocks, in it of networks. So a client that takes many places pushes out its own, and to reach another's a
 * stranger needs as many networks far apart as there are places, at once. `some` has the oldest first.
 */
export const crowdedOut = <T extends Member>(
  some: readonly T[],
  newcomer: string | undefined,
): T | undefined => {
  const region = crowd(some, regionOf, newcomer)
  const block = crowd(region, blockOf, newcomer)
  return crowd(block, (it) => it, newcomer)[0]
}
