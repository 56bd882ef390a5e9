import { describe, expect, it } from 'vitest'
import { Chores } from '../../src/account/chores.ts'
import { inAccount, type TestAccount } from './support/account.ts'

const MINUTE = 60_000

/** Runs the chores once; gives how long until the next time. */
const next = async (account: TestAccount): Promise<number> => {
  let alarm: number | null = null
  const chores = new Chores({
    ...account,
    retention: 1000 * MINUTE,
    relays: { run: () => Promise.resolve(), nextAt: () => undefined },
    firehose: { resume: () => {} },
    observe: () => Promise.resolve(),
    report: () => {},
    alarms: {
      getAlarm: () => Promise.resolve(alarm),
      setAlarm: (time) => {
        alarm = Number(time)
        return Promise.resolve()
      },
    },
  })
  await chores.run()
  return Math.round(((alarm ?? 0) - account.clock.now) / MINUTE)
}

describe('the alarm', () => {
  it('looks at the DID often for an hour after a token was minted, whatever else is in the journal', () =>
    inAccount(async (account) => {
      const { journal, sql, clock } = account
      const append = (event: string, times = 1) =>
        sql.transaction(() => {
          for (let i = 0; i < times; i++) journal.append(event)
        })
      expect(await next(account)).toBe(360)
      append('activate')
      expect(await next(account)).toBe(360)
      append('mint')
      append('failed-sign-in', 1500)
      expect(await next(account)).toBe(2)
      clock.now += 50 * MINUTE
      append('failed-sign-in', 1500)
      expect(await next(account)).toBe(2)
      clock.now += 11 * MINUTE
      expect(await next(account)).toBe(360)
      append('sign')
      expect(await next(account)).toBe(2)
    }))
})
