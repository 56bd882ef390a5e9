import type { AuditEntry } from './types.ts'

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS

/** How many valid operations of a DID the directory takes in each of these times. One that nullifies others does not count. */
const LIMITS = [
  { name: 'hour', ms: HOUR_MS, limit: 10 },
  { name: 'day', ms: DAY_MS, limit: 30 },
  { name: 'week', ms: 7 * DAY_MS, limit: 100 },
] as const

export interface OperationBudget {
  /** How many operations the directory takes now. */
  left: number
  /** The time whose limit that is. */
  per: (typeof LIMITS)[number]['name']
  /** How many there were in each time. */
  used: { hour: number; day: number; week: number }
  /** When there is room for another one, in milliseconds; undefined while there is. */
  freeAt: number | undefined
}

/** What the directory still takes of a DID, by its verified log. */
export const operationBudget = (
  entries: readonly Pick<AuditEntry, 'createdAt' | 'nullified'>[],
  now: number,
): OperationBudget => {
  const times = entries.filter(({ nullified }) => !nullified).map(({ createdAt }) => createdAt)
  const windows = LIMITS.map(({ name, ms, limit }) => {
    const within = times.filter((at) => at > now - ms)
    // The log is in the order of its times. Once this one is out of the time, there is room.
    const last = within.at(-limit)
    return { name, used: within.length, left: Math.max(0, limit - within.length), freeAt: last && last + ms }
  })
  const [tightest] = windows.toSorted((a, b) => a.left - b.left)
  const [hour, day, week] = windows.map(({ used }) => used)
  const full = windows.flatMap(({ freeAt }) => freeAt ?? [])
  return {
    left: tightest?.left ?? 0,
    per: tightest?.name ?? 'hour',
    used: { hour: hour ?? 0, day: day ?? 0, week: week ?? 0 },
    freeAt: full.length > 0 ? Math.max(...full) : undefined,
  }
}
