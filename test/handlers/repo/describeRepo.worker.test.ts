/** What describeRepo makes this server ask the network: anybody may call it as often as they like. */
import { describe, expect, it, vi } from 'vitest'
import { HANDLE, inWorld, type World } from '../support/world.ts'

const logFetches = ({ directory, did }: World): number =>
  directory.requests.filter((request) => request === `GET /${did}/log/audit`).length

const describeOften = ({ client, did }: World, times = 200) =>
  Promise.all(Array.from({ length: times }, () => client.com.atproto.repo.describeRepo({ repo: did })))

/** Holds the directory's answer to the next request, and to no other, until the function that it returns is called. */
const holdNextAnswer = ({ directory }: World): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  directory.before = () => {
    directory.before = undefined
    return promise
  }
  return resolve
}

describe('describeRepo', () => {
  it('fetches the log once for 200 calls at once after a wake-up, and not again for five minutes', () =>
    inWorld({}, async (world) => {
      await world.restart()
      const before = logFetches(world)
      for (const answer of await describeOften(world))
        expect(answer).toMatchObject({ didDoc: { id: world.did }, handle: HANDLE, handleIsCorrect: true })
      expect(logFetches(world)).toBe(before + 1)
      world.clock.now += 5 * 60_000 - 1
      await describeOften(world)
      expect(logFetches(world)).toBe(before + 1)
      world.clock.now += 1
      await describeOften(world)
      expect(logFetches(world)).toBe(before + 2)
    }))

  it('asks a directory that fails once for all, and again after 30 seconds', () =>
    inWorld({}, async (world) => {
      await world.restart()
      world.directory.mode = 'down'
      const before = logFetches(world)
      for (const answer of await describeOften(world))
        expect(answer).toMatchObject({ didDoc: { id: world.did }, handleIsCorrect: false })
      await describeOften(world)
      expect(logFetches(world)).toBe(before + 1)
      world.directory.mode = 'up'
      world.clock.now += 30_000
      for (const { handleIsCorrect } of await describeOften(world)) expect(handleIsCorrect).toBe(true)
      expect(logFetches(world)).toBe(before + 2)
    }))

  it('waits for what the owner asked before', () =>
    inWorld({}, async (world) => {
      await world.restart()
      const before = logFetches(world)
      const release = holdNextAnswer(world)
      const status = world.admin.com.cirrus.admin.getStatus()
      await vi.waitFor(() => expect(logFetches(world)).toBe(before + 1))
      const strangers = describeOften(world)
      release()
      await status
      for (const { handleIsCorrect } of await strangers) expect(handleIsCorrect).toBe(true)
      expect(logFetches(world)).toBe(before + 1)
    }))

  it('never makes the owner wait for what strangers asked before', () =>
    inWorld({}, async (world) => {
      await world.restart()
      const before = logFetches(world)
      const release = holdNextAnswer(world)
      const strangers = describeOften(world)
      await vi.waitFor(() => expect(logFetches(world)).toBe(before + 1))
      expect((await world.admin.com.cirrus.admin.getStatus()).identity.error).toBeUndefined()
      expect(logFetches(world)).toBe(before + 2)
      release()
      await strangers
      expect(logFetches(world)).toBe(before + 2)
    }))

  it('asks again where the clock has gone back', () =>
    inWorld({}, async (world) => {
      await describeOften(world)
      const before = logFetches(world)
      world.clock.now -= 3600_000
      await describeOften(world)
      expect(logFetches(world)).toBe(before + 1)
    }))
})
