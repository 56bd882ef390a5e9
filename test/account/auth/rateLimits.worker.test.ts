import { describe, expect, it } from 'vitest'
import { createRateLimits } from '../../../src/account/auth/rateLimits.ts'
import { inStorage } from '../support/account.ts'

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS

const knownNetworks = { has: () => false }

describe('a clock that goes back', () => {
  it('does not reset a counter: the window goes on until its length has passed by the new clock', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { mint } = createRateLimits({ sql, platform, knownNetworks })
      for (let n = 0; n < 10; n++) mint()
      expect(mint).toThrow('too many new migration tokens')
      clock.now -= 30 * DAY_MS
      expect(mint).toThrow(/try again in 3(59\d|600) seconds/)
      clock.now += HOUR_MS - 10_000
      expect(mint).toThrow(/try again in \d+ seconds/)
      clock.now += 20_000
      mint()
    }))

  it('does not reset a counter that is not used up', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { mint } = createRateLimits({ sql, platform, knownNetworks })
      for (let n = 0; n < 9; n++) mint()
      clock.now -= 10_000
      mint()
      expect(mint).toThrow('too many new migration tokens')
    }))

  it('does not keep the counters of networks for ever', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { signIn } = createRateLimits({ sql, platform, knownNetworks })
      signIn('192.0.2.1')
      clock.now -= 3650 * DAY_MS
      signIn('192.0.2.2')
      clock.now += DAY_MS + 10_000
      signIn('192.0.2.3')
      const keys = sql.all<{ key: string }>(`SELECT key FROM rate WHERE key LIKE 'sign-in%@%'`)
      expect(keys.filter(({ key }) => !key.endsWith('@192.0.2.3'))).toEqual([])
    }))
})

describe('the write limit', () => {
  it('is 5,000 points in an hour and 35,000 in a day', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { write } = createRateLimits({ sql, platform, knownNetworks })
      for (let hour = 0; hour < 7; hour++) {
        write('delete', 5000)
        expect(() => write('delete', 1)).toThrow('at most 5000 in 3600 seconds')
        clock.now += HOUR_MS
      }
      expect(() => write('delete', 1)).toThrow('at most 35000 in 86400 seconds')
    }))

  it('is what is configured, and seven times as much in a day', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { write } = createRateLimits({ sql, platform, knownNetworks, writePointsPerHour: 30_000 })
      for (let hour = 0; hour < 7; hour++) {
        write('create', 10_000)
        expect(() => write('delete', 1)).toThrow('at most 30000 in 3600 seconds')
        clock.now += HOUR_MS
      }
      expect(() => write('delete', 1)).toThrow('at most 210000 in 86400 seconds')
    }))
})
