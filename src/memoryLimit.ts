import type { UsedUp } from './tooMany.ts'

/** A limit that is counted in memory: it costs no row, and begins again when the memory goes. */
export interface MemoryLimit {
  /** Counts one of this key's, or returns the window that is used up. */
  take(key: string): UsedUp | undefined
  /** Takes one back that was counted. */
  giveBack(key: string): void
}

export interface MemoryLimitOptions {
  now(): number
  /** How many are allowed in a window; 0 for any number. */
  max: number
  windowSeconds: number
}

interface Window {
  /** When it began, in milliseconds since the epoch. */
  start: number
  used: number
}

/** Beyond this, the key whose window is the oldest is forgotten: strangers choose the keys. */
const MAX_KEYS = 10_000

/** Fixed windows, one for each key. */
export const createMemoryLimit = ({ now, max, windowSeconds }: MemoryLimitOptions): MemoryLimit => {
  const windows = new Map<string, Window>()

  const begin = (key: string, start: number): Window => {
    windows.delete(key)
    if (windows.size >= MAX_KEYS) for (const oldest of windows.keys()) if (windows.delete(oldest)) break
    const window = { start, used: 0 }
    windows.set(key, window)
    return window
  }

  return {
    take: (key) => {
      if (max === 0) return undefined
      const time = now()
      const known = windows.get(key)
      const window = known && time < known.start + windowSeconds * 1000 ? known : begin(key, time)
      // If the clock has gone back, the window counts on, and ends when its length has passed from now on.
      window.start = Math.min(window.start, time)
      if (window.used >= max)
        return { max, windowSeconds, used: window.used, reset: window.start / 1000 + windowSeconds }
      window.used++
      return undefined
    },
    giveBack: (key) => {
      const window = windows.get(key)
      if (window && window.used > 0) window.used--
    },
  }
}
