import { describe, expect, it } from 'vitest'
import { createFailures } from '../../../../src/account/auth/limits/failures.ts'
import { createRateLimits } from '../../../../src/account/auth/limits/rateLimits.ts'
import { XrpcError } from '../../../../src/xrpc/errors.ts'
import { inStorage } from '../../support/account.ts'

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

describe('strangers who try from a new network each time', () => {
  const MINUTES_5_MS = 5 * 60_000
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (cause) {
      if (!(cause instanceof XrpcError)) throw cause
    }
  }

  it('write less than half of the rows of a day that a free account has', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock, journal } = open()
      const rateLimits = createRateLimits({ sql, platform, knownNetworks })
      const failures = createFailures({ sql, platform, journal, rateLimits })
      const before = sql.written
      for (let window = 0; window < 12; window++) {
        for (let n = 0; n < 1010; n++)
          attempt(() => {
            rateLimits.wrongAdmin(`${window}-${n}`)
            failures.signIn('admin password')
          })
        for (let n = 0; n < 310; n++)
          attempt(() => {
            rateLimits.signIn(`${window}-${n}`)
            failures.signIn('password')
          })
        clock.now += MINUTES_5_MS
      }
      expect(sql.written - before).toBeGreaterThan(10_000)
      expect(sql.written - before).toBeLessThan(50_000)
    }))

  it('do not have the networks of a day read at each attempt', () =>
    inStorage(async (_, open) => {
      const { sql, platform } = open()
      const statements: string[] = []
      const run = sql.run.bind(sql)
      sql.run = (query, ...params) => {
        statements.push(query)
        return run(query, ...params)
      }
      const { signIn } = createRateLimits({ sql, platform, knownNetworks })
      for (let n = 0; n < 400; n++) attempt(() => signIn(`2001:db8:0:${n}::/64`))
      expect(statements.filter((text) => text.includes('LIKE'))).toHaveLength(2)
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

describe('uploads and changes of the handle', () => {
  it('are counted for each network, without a row', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { upload } = createRateLimits({ sql, platform, knownNetworks, uploadsPerDay: 2 })
      const { written } = sql
      upload('192.0.2.1')
      upload('192.0.2.1')
      expect(() => upload('192.0.2.1')).toThrow('too many uploads: at most 2 in 86400 seconds')
      upload('192.0.2.2')
      clock.now += DAY_MS
      upload('192.0.2.1')
      expect(sql.written).toBe(written)
    }))

  it('are ten changes of the handle in 5 minutes, and fifty in a day', () =>
    inStorage(async (_, open) => {
      const { sql, platform, clock } = open()
      const { updateHandle } = createRateLimits({ sql, platform, knownNetworks })
      for (let n = 0; n < 50; n++) {
        if (n > 0 && n % 10 === 0) {
          expect(updateHandle).toThrow('at most 10 in 300 seconds')
          clock.now += 300_000
        }
        updateHandle()
      }
      clock.now += 300_000
      expect(updateHandle).toThrow('at most 50 in 86400 seconds')
    }))
})
