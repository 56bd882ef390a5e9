import { expect, test } from 'vitest'
import { IdentityError } from '../../src/identity/errors.ts'
import { createSharedLookups } from '../../src/identity/sharedLookups.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

const world = (lookUp: (handle: string) => Promise<string> = async () => DID) => {
  const clock = { now: 1_000_000 }
  const asked: string[] = []
  const timers = new Set<() => void>()
  const alive: Promise<unknown>[] = []
  const platform = {
    now: () => clock.now,
    timer: (_: number, ring: () => void) => {
      timers.add(ring)
      return () => timers.delete(ring)
    },
    keepAlive: (work: Promise<unknown>) => void alive.push(work),
  }
  const resolve = createSharedLookups({
    platform,
    noun: 'handle',
    lookUp: (handle) => {
      asked.push(handle)
      return lookUp(handle)
    },
  })
  return { clock, asked, timers, alive, resolve }
}

test('a look-up that was lost with its request does not hold up others for longer than 12 seconds', async () => {
  const never = new Promise<string>(() => {})
  let lost = true
  const { clock, asked, timers, resolve } = world(() => (lost ? never : Promise.resolve(DID)))
  void resolve('bob.example.com')
  const joined = resolve('bob.example.com')
  lost = false
  for (const ring of timers) ring()
  await expect(joined).rejects.toMatchObject({ name: 'IdentityError', code: 'Unavailable' })
  clock.now += 12_000
  expect(await resolve('bob.example.com')).toBe(DID)
  expect(asked).toHaveLength(2)
})

test('the request that began a look-up stays alive for the others', async () => {
  const { alive, timers, resolve } = world()
  await Promise.all([resolve('bob.example.com'), resolve('bob.example.com')])
  expect(alive).toHaveLength(1)
  expect(timers.size).toBe(0)
})

test('at most a hundred look-ups are on their way at once', async () => {
  const { resolve, clock } = world(() => new Promise(() => {}))
  for (let i = 0; i < 100; i++) void resolve(`h${i}.example.com`, `network ${i}`)
  await expect(resolve('more.example.com', 'another')).rejects.toMatchObject({
    name: 'TooManyLookupsError',
    retryAfterSeconds: 12,
  })
  clock.now += 12_000
  void resolve('more.example.com', 'another')
})

test('two networks do not take all of the hundred, and neither do the neighbours of one', async () => {
  const { resolve } = world(() => new Promise(() => {}))
  const refused: string[] = []
  const ask = (handle: string, network: string) =>
    void resolve(handle, network).catch((cause: Error) => refused.push(`${network} ${cause.name}`))
  for (let i = 0; i < 50; i++) ask(`a${i}.example.com`, '192.0.2.1')
  for (let i = 0; i < 50; i++) ask(`b${i}.example.com`, `2001:db8:1:${i}::/64`)
  await Promise.resolve()
  expect(refused).toHaveLength(80)
  ask('more.example.com', '198.51.100.1')
  await Promise.resolve()
  expect(refused).toHaveLength(80)
  // One that is on its way is free for all who ask.
  ask('a0.example.com', '192.0.2.1')
  await Promise.resolve()
  expect(refused).toHaveLength(80)
})

test('an error that is none of the network is not kept', async () => {
  let broken = true
  const { asked, resolve } = world(async () => {
    if (broken) throw new Error('a bug')
    return DID
  })
  await expect(resolve('bob.example.com')).rejects.toThrow('a bug')
  broken = false
  expect(await resolve('bob.example.com')).toBe(DID)
  expect(asked).toHaveLength(2)
})

test('what it remembers is bounded, and the oldest goes first', async () => {
  const { asked, resolve } = world(async (handle) => {
    if (handle.startsWith('h')) return DID
    throw new IdentityError('NotFound', 'nobody')
  })
  for (let i = 0; i < 1001; i++) await resolve(`h${i}.example.com`, `network ${i}`)
  expect(asked).toHaveLength(1001)
  await resolve('h1000.example.com', 'last')
  await resolve('h1.example.com', 'last')
  expect(asked).toHaveLength(1001)
  await resolve('h0.example.com', 'last')
  expect(asked).toHaveLength(1002)
})
