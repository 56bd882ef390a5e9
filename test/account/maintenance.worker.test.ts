import { describe, expect, it, vi } from 'vitest'
import { inAccount, post, type TestAccount, unpost } from './support/account.ts'
import { maintenanceOf } from './support/maintenance.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** Runs the maintenance once; returns the minutes until the next time. */
const next = async (account: TestAccount): Promise<number> => {
  const { maintenance, alarm } = maintenanceOf(account, { retentionMs: 1000 * MINUTE })
  await maintenance.run()
  return Math.round(((alarm() ?? 0) - account.clock.now) / MINUTE)
}

describe('the alarm', () => {
  it('looks at the DID often for an hour after a token was minted, whatever else the journal has', () =>
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

  it('rings when a deleted record is a day old, and an hour later, when it is removed from the disk', () =>
    inAccount(async (account) => {
      const { clock, repo, sql } = account
      await repo.create()
      await repo.commit([post('a', 'a secret'), post('b', 'no secret')])
      await repo.commit([unpost('a')])
      const onDisk = () =>
        sql
          .all<{ bytes: ArrayBuffer }>('SELECT bytes FROM loose UNION ALL SELECT bytes FROM part')
          .some(({ bytes }) => Buffer.from(bytes).includes('a secret'))
      // The alarm rings every six hours anyway.
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

describe('maintenance', () => {
  it('runs the other steps where one of them fails', () =>
    inAccount(async (account) => {
      const { repo, sequencer, clock } = account
      await repo.create()
      await repo.commit([post('one', 'x'), post('two', 'y')])
      clock.now += 2 * DAY
      const fails = (): never => {
        throw new Error('a step failed')
      }
      const report = vi.fn()
      const { maintenance, alarm } = maintenanceOf(account, {
        repack: { step: fails, collect: fails, waits: true } as never,
        blobs: { collect: () => Promise.reject(new Error('the bucket is away')) } as never,
        relays: { run: () => Promise.reject(new Error('no relay')), nextAt: () => undefined },
        firehose: { resume: fails },
        report,
      })
      await maintenance.run()
      expect(alarm()).not.toBeNull()
      expect(sequencer.oldest()).toBeUndefined()
      expect(report).toHaveBeenCalledTimes(5)
      await repo.commit([post('after', 'all')])
    }))

  it('runs soon once there is much to pack', () =>
    inAccount(async (account) => {
      const { repo, clock } = account
      const { maintenance, alarm } = maintenanceOf(account)
      await repo.create()
      for (let i = 0; i < 400; i++) {
        await repo.commit([post('one', `text ${i}`)])
        maintenance.noteEvent()
        await Promise.resolve()
        if (i === 150) expect((alarm() ?? 0) - clock.now).toBeGreaterThan(60 * MINUTE)
      }
      expect((alarm() ?? Infinity) - clock.now).toBeLessThan(MINUTE)
    }))
})
