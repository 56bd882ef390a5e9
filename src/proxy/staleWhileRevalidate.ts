import type { Platform } from '../platform.ts'

export interface StaleWhileRevalidateDeps<Value> {
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
  load(key: string): Promise<Value>
  /** What those who waited too long are told. */
  late(key: string): Error
  /** For how long a failure is the answer. */
  failureMs(cause: unknown): number
}

export interface StaleWhileRevalidate<Value> {
  /** The value of a key, which is loaded if it is not known. */
  get(key: string): Promise<Value>
  /** Whether `get` has an answer without waiting. */
  has(key: string): boolean
}

/** Younger values are the answer. Older ones too, while they are fetched again. */
const FRESH_MS = 3600_000
/** Values of this age are forgotten. */
const KEPT_MS = 24 * 3600_000
/** For so long somebody waits for a value that is not known. */
const WAIT_MS = 3000
/** A request that has not ended by then was lost with the one that began it. */
const LOST_MS = 12_000
const MAX_KEYS = 200

interface Entry<Value> {
  value?: { is: Value; at: number }
  failure?: { cause: unknown; at: number; forMs: number }
  pending?: { work: Promise<Value>; at: number }
}

/**
 * Keeps what was loaded in the memory of this isolate: an hour as it is, a day while it is loaded again, at most 200
 * values. One load is on its way for each key; a failure is the answer for a while, unless an older value is known.
 */
export const createStaleWhileRevalidate = <Value>({
  platform,
  load,
  late,
  failureMs,
}: StaleWhileRevalidateDeps<Value>): StaleWhileRevalidate<Value> => {
  const entries = new Map<string, Entry<Value>>()

  /** If the clock has gone back, nothing is recent. */
  const isWithin = (at: number, ms: number): boolean => {
    const age = platform.now() - at
    return age >= 0 && age < ms
  }

  /** The entry of a key, which is now the one that was used last. */
  const entryOf = (key: string): Entry<Value> => {
    const entry = entries.get(key) ?? {}
    entries.delete(key)
    if (entries.size >= MAX_KEYS) for (const first of entries.keys()) if (entries.delete(first)) break
    entries.set(key, entry)
    return entry
  }

  const begin = (key: string, entry: Entry<Value>): Promise<Value> => {
    const loading = async (): Promise<Value> => {
      try {
        const is = await load(key)
        entry.value = { is, at: platform.now() }
        entry.failure = undefined
        return is
      } catch (cause) {
        entry.failure = { cause, at: platform.now(), forMs: failureMs(cause) }
        throw cause
      } finally {
        entry.pending = undefined
      }
    }
    const work = loading()
    entry.pending = { work, at: platform.now() }
    platform.keepAlive(work.catch(() => {}))
    return work
  }

  /** Waits for a load, perhaps of another request, which may have died with it. */
  const inTime = async (key: string, work: Promise<Value>): Promise<Value> => {
    let stop = (): void => {}
    const tooLate = new Promise<never>((_, reject) => {
      stop = platform.timer(WAIT_MS, () => reject(late(key)))
    })
    try {
      return await Promise.race([work, tooLate])
    } finally {
      stop()
    }
  }

  const knownValue = ({ value }: Entry<Value>) => (value && isWithin(value.at, KEPT_MS) ? value : undefined)
  const knownFailure = ({ failure }: Entry<Value>) =>
    failure && isWithin(failure.at, failure.forMs) ? failure : undefined
  const running = ({ pending }: Entry<Value>) =>
    pending && isWithin(pending.at, LOST_MS) ? pending.work : undefined

  return {
    has: (key) => {
      const entry = entries.get(key)
      return entry !== undefined && knownValue(entry) !== undefined
    },
    get: async (key) => {
      const entry = entryOf(key)
      const known = knownValue(entry)
      if (known && isWithin(known.at, FRESH_MS)) return known.is
      const failed = knownFailure(entry)
      if (failed && !known) throw failed.cause
      if (!known) return await inTime(key, running(entry) ?? begin(key, entry))
      if (!failed && !running(entry)) void begin(key, entry).catch(() => {})
      return known.is
    },
  }
}
