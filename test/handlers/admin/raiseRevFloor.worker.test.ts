/** Revisions that another server gave to the account: what is signed here afterwards is above them. */
import { describe, expect, it } from 'vitest'
import { formatTid } from '../../../src/repo/tid.ts'
import { failure, post } from '../support/calls.ts'
import { inWorld, type World } from '../support/world.ts'

const MINUTE = 60_000
/** The revision of a server whose clock is ahead of ours. */
const revAhead = ({ clock }: World, ms: number) => formatTid((Math.floor(clock.now) + ms) * 1000)
const raise = (world: World, rev: string) => world.admin.com.cirrus.admin.raiseRevFloor({ rev })

describe('raiseRevFloor', () => {
  it('has an activation sign above what the other server gave, though its clock was ahead', () =>
    inWorld({}, async (world) => {
      const { account, admin } = world
      await admin.com.atproto.server.deactivateAccount({})
      const theirs = revAhead(world, 4 * MINUTE)
      expect(await raise(world, theirs)).toEqual({ floor: theirs })
      await world.restart()
      const before = world.latest()
      await admin.com.atproto.server.activateAccount()
      const { rev } = world.account.repo.requireHead()
      expect(rev > theirs).toBe(true)
      expect(world.announced(before).at(-1)).toMatchObject({ rev })
      await post(await world.signIn(), world.did)
      expect(world.account.repo.requireHead().rev > rev).toBe(true)
      expect(account.journal.has({ event: 'raise-rev', key: 'rev', value: theirs, after: 0 })).toBe(true)
    }))

  it('has the next commit of an active account be above it, and never goes down', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const high = revAhead(world, 2 * MINUTE)
      await raise(world, high)
      expect(await raise(world, revAhead(world, MINUTE))).toEqual({ floor: high })
      await post(owner, world.did)
      expect((await world.head()).rev > high).toBe(true)
      expect(world.journal().filter((event) => event === 'raise-rev')).toHaveLength(1)
    }))

  it('refuses what relays would refuse (RevInFuture), and what is not a revision', () =>
    inWorld({}, async (world) => {
      const error = await failure(raise(world, revAhead(world, 5 * MINUTE + 1)))
      expect(error).toMatchObject({ error: 'RevInFuture', status: 400 })
      expect(await failure(raise(world, 'tomorrow'))).toMatchObject({ error: 'InvalidRequest' })
      expect(world.journal()).not.toContain('raise-rev')
    }))
})
