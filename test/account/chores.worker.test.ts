import { describe, expect, it } from 'vitest'
import { Chores } from '../../src/account/chores.ts'
import { inAccount, post, type TestAccount, unpost } from './support/account.ts'

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

  it('rings when what was deleted is a day old, and an hour later, when it leaves the disk', () =>
    inAccount(async (account) => {
      const { clock, repo, sql } = account
      await repo.create()
      await repo.commit([post('a', 'a secret'), post('b', 'no secret')])
      await repo.commit([unpost('a')])
      const onDisk = () =>
        sql
          .all<{ bytes: ArrayBuffer }>('SELECT bytes FROM loose UNION ALL SELECT bytes FROM part')
          .some(({ bytes }) => Buffer.from(bytes).includes('a secret'))
      // Ours has looked at all of the day by then.
      for (let hours = 0; hours < 18; hours += 6) {
        expect(await next(account)).toBe(360)
        clock.now += 360 * MINUTE
      }
      expect(await next(account)).toBe(360)
      clock.now += 360 * MINUTE
      expect(onDisk()).toBe(true)
      expect(await next(account)).toBe(60)
      expect(onDisk()).toBe(true)
      clock.now += 61 * MINUTE
      await next(account)
      expect(onDisk()).toBe(false)
      expect((await account.check()).problems).toEqual([])
    }))
})
