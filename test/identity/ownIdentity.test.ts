import { expect, test } from 'vitest'
import { createOwnIdentity, type OwnIdentity } from '../../src/identity/ownIdentity.ts'

const named = (handle: string): OwnIdentity => ({ handle, signingKey: 'did:key:zQ3sh' })

const setUp = () => {
  const world = { now: 1_000_000, handle: 'one.test', asked: 0, down: false }
  const own = createOwnIdentity({
    platform: { now: () => world.now },
    ask: async () => {
      world.asked++
      if (world.down) throw new Error('the object does not answer')
      return named(world.handle)
    },
  })
  return { world, own }
}

test('the object is asked again only when the answer is older than the caller takes', async () => {
  const { world, own } = setUp()
  for (let i = 0; i < 3; i++) expect(await own(1000)).toEqual(named('one.test'))
  expect(world.asked).toBe(1)
  world.handle = 'two.test'
  world.now += 1000
  expect(await own(30_000)).toEqual(named('one.test'))
  expect(await own(1000)).toEqual(named('two.test'))
  expect(world.asked).toBe(2)
})

test('while the object does not answer, the last answer stands; without one there is an error', async () => {
  const { world, own } = setUp()
  world.down = true
  await expect(own(1000)).rejects.toThrow('does not answer')
  world.down = false
  await own(1000)
  world.down = true
  world.now += 3600_000
  expect(await own(1000)).toEqual(named('one.test'))
})

test('nothing is recent after the clock has gone back', async () => {
  const { world, own } = setUp()
  await own(1000)
  world.now -= 1
  await own(1000)
  expect(world.asked).toBe(2)
})
