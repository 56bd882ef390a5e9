/** Writes that are fenced off for a while, so that a move copies the last of them. */
import { describe, expect, it } from 'vitest'
import { type MethodId } from '../../../src/generated/methods.ts'
import { policy, type Rule } from '../../../src/policy.ts'
import { accessToken } from '../support/accessToken.ts'
import { failure, post } from '../support/calls.ts'
import { inWorld, type World } from '../support/world.ts'

const MINUTE = 60_000
const refused = { error: 'NotEnoughResources', status: 503 }
const fence = (world: World, minutes: number) => world.admin.com.cirrus.admin.fenceWrites({ minutes })
const untilOf = ({ clock }: World, minutes: number) => new Date(clock.now + minutes * MINUTE).toISOString()

describe('fenceWrites', () => {
  it('refuses the writes of every app with 503 and the time to wait, and changes nothing else', () =>
    inWorld({}, async (world) => {
      const { account, client, did } = world
      const owner = await world.signIn()
      await post(owner, did)
      const head = await world.head()
      const before = world.latest()
      const until = untilOf(world, 10)
      expect(await fence(world, 10)).toEqual({ until })
      for (const kind of ['session', 'appPassword', 'appPasswordPrivileged'] as const) {
        const error = await failure(post(world.bearer(await accessToken(account, kind)), did))
        expect(error).toMatchObject(refused)
        expect(error.headers.get('retry-after')).toBe('600')
        expect(error.message).toContain(until)
      }
      expect(await world.head()).toEqual(head)
      expect(world.events(before)).toEqual([])
      expect(account.state()).toBe('active')
      expect(await client.com.atproto.sync.getRepoStatus({ did })).toMatchObject({ active: true })
      expect((await owner.com.atproto.server.getSession()).active).toBe(true)
      const status = await world.admin.com.cirrus.admin.getStatus()
      expect(status).toMatchObject({ active: true, state: 'active', fencedUntil: until })
      const entry = status.journal.find(({ event }) => event === 'fence')
      expect(entry?.detail).toEqual({ until, by: 'owner' })
    }))

  // Written out: a new method that writes must be thought of.
  it('is in front of everything that a move copies', () => {
    const methods = Object.keys(policy) as MethodId[]
    const ruleOf = (id: MethodId): Rule => policy[id]
    expect(methods.filter((id) => ruleOf(id).fenced)).toEqual([
      'app.bsky.actor.putPreferences',
      'com.atproto.identity.updateHandle',
      'com.atproto.repo.applyWrites',
      'com.atproto.repo.createRecord',
      'com.atproto.repo.deleteRecord',
      'com.atproto.repo.importRepo',
      'com.atproto.repo.putRecord',
      'com.atproto.repo.uploadBlob',
    ])
  })

  it('refuses each of those methods, before it reads the body', () =>
    inWorld({}, async (world) => {
      const token = await accessToken(world.account, 'session')
      await fence(world, 1)
      for (const [id, rule] of Object.entries(policy) as [MethodId, Rule][]) {
        if (!rule.fenced) continue
        const answer = await world.fetch(`/xrpc/${id}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        })
        expect([id, answer.status]).toEqual([id, 503])
        expect(await answer.json()).toMatchObject({ error: refused.error })
      }
    }))

  it('refuses a write that was let in before, when it comes to its transaction', () =>
    inWorld({}, async (world) => {
      const { account, did } = world
      const owner = await world.signIn()
      const before = account.repo.requireHead()
      let open = () => {}
      const held = account.repo.exclusive(() => new Promise<void>((resolve) => (open = resolve)))
      const write = failure(post(owner, did))
      await new Promise((resolve) => setTimeout(resolve, 50))
      await fence(world, 1)
      open()
      await held
      expect(await write).toMatchObject(refused)
      expect(account.repo.requireHead()).toEqual(before)
    }))

  it('ends by itself', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      await fence(world, 60)
      world.clock.now += 60 * MINUTE - 1
      expect(await failure(post(owner, world.did))).toMatchObject(refused)
      world.clock.now += 1
      await post(owner, world.did)
      expect(await world.admin.com.cirrus.admin.getStatus()).not.toHaveProperty('fencedUntil')
    }))

  it('survives a restart, is moved by another call, and is lifted', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      await fence(world, 60)
      await world.restart()
      expect(await failure(post(owner, world.did))).toMatchObject(refused)
      expect(await fence(world, 5)).toEqual({ until: untilOf(world, 5) })
      expect(await fence(world, 0)).toEqual({})
      await post(owner, world.did)
      // There is none to lift: nothing to journal.
      expect(await fence(world, 0)).toEqual({})
      expect(world.journal().filter((event) => event === 'fence')).toHaveLength(3)
    }))

  it('ends with a deactivation, so that an account that comes back takes writes', () =>
    inWorld({}, async (world) => {
      await fence(world, 60)
      const { deactivateAccount, activateAccount } = world.admin.com.atproto.server
      await deactivateAccount({})
      await activateAccount()
      await post(await world.signIn(), world.did)
    }))

  it('is set by the owner, and by a token that may deactivate: for as long as it is valid at most', () =>
    inWorld({}, async (world) => {
      const { clock, did } = world
      const owner = await world.signIn()
      expect(await owner.com.cirrus.admin.fenceWrites({ minutes: 60 })).toEqual({ until: untilOf(world, 60) })
      await owner.com.cirrus.admin.fenceWrites({ minutes: 0 })
      const token = world.bearer(await world.mint({ scope: ['repo:read', 'account:deactivate'] }))
      // Tokens are valid for 15 minutes, counted in whole seconds.
      const ends = Math.floor(clock.now / 1000) * 1000 + 15 * MINUTE
      const until = new Date(ends).toISOString()
      expect(await token.com.cirrus.admin.fenceWrites({ minutes: 60 })).toEqual({ until })
      expect(await token.com.cirrus.admin.fenceWrites({ minutes: 1 })).toEqual({ until: untilOf(world, 1) })
      expect(await failure(post(owner, did))).toMatchObject(refused)
      const reader = world.bearer(await world.mint())
      expect(await failure(reader.com.cirrus.admin.fenceWrites({ minutes: 1 }))).toMatchObject({
        error: 'InvalidToken',
      })
    }))

  it('refuses more than an hour', () =>
    inWorld({}, async (world) => {
      for (const minutes of [61, -1]) {
        const error = await failure(fence(world, minutes))
        expect(error).toMatchObject({ error: 'InvalidRequest' })
        expect(error.message).toContain('minutes')
      }
    }))
})
