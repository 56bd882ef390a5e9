/** When relays are asked to crawl, without the admin. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answerAsRelays, RELAYS } from './support/relays.ts'
import { HANDLE, inWorld, type World } from './support/world.ts'

const MINUTE = 60_000

afterEach(() => vi.restoreAllMocks())

/** A commit without a session, whose two hours would end within a test. */
const commit = ({ account }: World) =>
  account.repo.commit([
    {
      action: 'create',
      collection: 'a.b.c',
      rkey: account.nextRecordKey(),
      record: { $type: 'a.b.c', text: 'x' },
    },
  ])

describe('relays', () => {
  it('are asked after an activation, then at most every 20 minutes, and only after something happened', () =>
    inWorld({ relays: RELAYS }, async (world) => {
      const { account, admin, clock } = world
      const { asked } = answerAsRelays(world)
      await account.maintenance.run()
      expect(asked.map(({ host, body }) => [host, body])).toEqual([
        ['one.example.com', { hostname: 'cirrus.example.com' }],
        ['two.example.com', { hostname: 'cirrus.example.com' }],
      ])
      clock.now += 60 * MINUTE
      await account.maintenance.run()
      expect(asked).toHaveLength(2)
      await commit(world)
      await account.maintenance.run()
      expect(asked).toHaveLength(4)
      for (let i = 0; i < 19; i++) {
        clock.now += MINUTE
        await commit(world)
        await account.maintenance.run()
      }
      expect(asked).toHaveLength(4)
      clock.now += MINUTE
      await account.maintenance.run()
      expect(asked).toHaveLength(6)
      clock.now += MINUTE
      await admin.com.atproto.server.deactivateAccount()
      await admin.com.atproto.server.activateAccount()
      await account.maintenance.run()
      expect(asked).toHaveLength(8)
    }))

  it('that fail are asked again, later and later, and no write waits for them', () =>
    inWorld({ relays: RELAYS }, async (world) => {
      const { account, clock } = world
      const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const { asked, answer } = answerAsRelays(world)
      answer.status = 500
      await account.maintenance.run()
      const start = clock.now
      for (let i = 0; i < 240; i++) {
        clock.now += MINUTE
        await commit(world)
        await account.maintenance.run()
      }
      const minutes = asked
        .filter(({ host }) => host === 'one.example.com')
        .map(({ at }) => (at - start) / MINUTE)
      expect(minutes).toEqual([0, 1, 3, 7, 15, 31, 63, 127])
      expect(String(warned.mock.calls[0])).toContain('it answered 500 no ?[31mthanks')
      answer.status = 200
      clock.now += 128 * MINUTE
      await account.maintenance.run()
      expect(asked.at(-1)?.at).toBe(clock.now)
      expect(world.bugs).toEqual([])
    }))

  it('are not asked to crawl an account that is still being imported', () =>
    inWorld({ relays: RELAYS, active: false }, async (world) => {
      const { account, admin } = world
      const { asked } = answerAsRelays(world)
      await account.repo.create()
      account.sql.run(`UPDATE account SET state = 'deactivated'`)
      account.sequencer.transaction(() => account.sequencer.appendIdentity(HANDLE))
      await account.maintenance.run()
      expect(asked).toEqual([])
      await admin.com.atproto.server.activateAccount()
      await account.maintenance.run()
      expect(asked).toHaveLength(2)
    }))

  it('are none while developing, and the public ones by default', () =>
    inWorld({}, async (world) => {
      const { asked } = answerAsRelays(world)
      await commit(world)
      await world.account.maintenance.run()
      expect(asked).toEqual([])
      await world.restart({ RELAYS: undefined })
      expect(world.account.config.relays).toEqual(['https://bsky.network'])
      await world.restart({ RELAYS: undefined, DEV: 'true' })
      expect(world.account.config.relays).toEqual([])
      await expect(world.restart({ RELAYS: 'one.example.com' })).rejects.toThrow('RELAYS')
      await expect(world.restart({ FIREHOSE_RETENTION_HOURS: 'soon' })).rejects.toThrow(
        'FIREHOSE_RETENTION_HOURS',
      )
    }))
})
