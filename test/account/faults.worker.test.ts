import { afterEach, describe, expect, it } from 'vitest'
import { FAULT_POINTS, type FaultPoint, onFault } from '../../src/fault.ts'
import { blob, collect, inAccount, post, type TestAccount, unpost } from './support/account.ts'

const POINTS = FAULT_POINTS.filter((name) => /^(commit|import|blob|event)\./.test(name))
const hit = new Set<FaultPoint>()

afterEach(() => onFault(undefined))

const hasDied = async (work: () => Promise<unknown>): Promise<boolean> =>
  work().then(
    () => false,
    (cause: Error) => {
      if (cause.message !== 'the fault') throw cause
      return true
    },
  )

/** Everything that writes, each step repeated until it is done. */
const writeEverything = async (
  start: TestAccount,
  car: { bytes: Uint8Array; key: string },
): Promise<TestAccount> => {
  let account = start
  const step = async (work: (account: TestAccount) => Promise<unknown>) => {
    for (let tries = 0; tries < 5; tries++) {
      const dead = await hasDied(() => work(account))
      // What a killed object had in memory is lost.
      if (dead) account = account.restart()
      const report = await account.check()
      expect(report.problems).toEqual([])
      if (!dead) return
    }
    throw new Error('a step was never done')
  }
  await step((it) =>
    it.imports.car(new Response(car.bytes).body ?? new ReadableStream(), { signingKey: car.key }),
  )
  for (let i = 0; i < 4; i++) {
    await step(async (it) =>
      it.repo.commit([post(`n${i}`, 'x', { embed: await blob(it, `blob ${i}`) }), post('r1', `${i}`)]),
    )
  }
  await step((it) =>
    it.repo.commit([{ action: 'delete', collection: 'app.bsky.feed.post', rkey: 'n1', ifExists: true }]),
  )
  return account
}

const source = async () =>
  inAccount(async ({ repo, exports, key }) => {
    await repo.create()
    await repo.commit(Array.from({ length: 40 }, (_, i) => post(`r${i}`, `text ${i}`)))
    await repo.commit([unpost('r0')])
    return { bytes: await collect(exports.repo().body), key: key.did() }
  })

describe('a fault', () => {
  for (const point of POINTS) {
    it(`at ${point}, once, loses nothing and writes nothing twice`, async () => {
      const car = await source()
      await inAccount(async (fresh) => {
        const all: number[] = []
        let armed = true
        onFault((name) => {
          hit.add(name)
          if (name !== point || !armed) return
          armed = false
          throw new Error('the fault')
        })
        const account = await writeEverything(fresh, car)
        expect(armed).toBe(false)
        for (const { seq } of account.sequencer.read(0, 1000)) all.push(seq)
        expect(new Set(all).size).toBe(all.length)
        expect(account.records.countByCollection()).toEqual({ 'app.bsky.feed.post': 42 })
        account.clock.now += 100 * 3600_000
        while ((await account.blobs.collect()).more);
        const { objects } = await account.platform.bucket.list()
        const known = account.sql.all<{ key: string }>('SELECT key FROM blob').map(({ key }) => key)
        expect(objects.map(({ key }) => key).toSorted()).toEqual(known.toSorted())
        await account.platform.bucket.delete(known)
      })
    })

    it(`at ${point}, always, leaves a sound account`, async () => {
      const car = await source()
      await inAccount(async (fresh) => {
        onFault((name) => {
          if (name === point) throw new Error('the fault')
        })
        await writeEverything(fresh, car).catch((cause: Error) =>
          expect(cause.message).toBe('a step was never done'),
        )
        onFault(undefined)
        const account = fresh.restart()
        expect((await account.check()).problems).toEqual([])
        const { objects } = await account.platform.bucket.list()
        await account.platform.bucket.delete(objects.map(({ key }) => key))
      })
    })
  }

  it('was injected at every point', () => {
    expect([...hit].toSorted()).toEqual(POINTS.toSorted())
  })
})
