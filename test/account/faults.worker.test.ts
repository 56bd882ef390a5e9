import { afterEach, describe, expect, it } from 'vitest'
import { FAULT_POINTS, type FaultPoint, onFault } from '../../src/fault.ts'
import { blob, collect, inAccount, post, type TestAccount, unpost } from './support/account.ts'

const OURS = FAULT_POINTS.filter((name) => /^(commit|import|blob|event)\./.test(name))
const hit = new Set<FaultPoint>()

afterEach(() => onFault(undefined))

const died = async (work: () => Promise<unknown>): Promise<boolean> =>
  work().then(
    () => false,
    (cause: Error) => {
      if (cause.message !== 'the fault') throw cause
      return true
    },
  )

/** Everything that writes, each step repeated until it has been done. */
const life = async (start: TestAccount, car: { bytes: Uint8Array; key: string }): Promise<TestAccount> => {
  let account = start
  const step = async (work: (account: TestAccount) => Promise<unknown>) => {
    for (let tries = 0; tries < 5; tries++) {
      const dead = await died(() => work(account))
      // The memory of a killed object is gone.
      if (dead) account = account.restart()
      const report = await account.check()
      expect(report.problems).toEqual([])
      if (!dead) return
    }
    throw new Error('never got through')
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
  for (const point of OURS) {
    it(`at ${point}, once, loses and doubles nothing`, async () => {
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
        const account = await life(fresh, car)
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

    it(`at ${point}, always, leaves a whole account`, async () => {
      const car = await source()
      await inAccount(async (fresh) => {
        onFault((name) => {
          if (name === point) throw new Error('the fault')
        })
        await life(fresh, car).catch((cause: Error) => expect(cause.message).toBe('never got through'))
        onFault(undefined)
        const account = fresh.restart()
        expect((await account.check()).problems).toEqual([])
        const { objects } = await account.platform.bucket.list()
        await account.platform.bucket.delete(objects.map(({ key }) => key))
      })
    })
  }

  it('was tried at every point', () => {
    expect([...hit].toSorted()).toEqual(OURS.toSorted())
  })
})
