/** A server that limits the rate of requests, from any one on: that it does says nothing about any rule. */
import { beforeAll, expect, it } from 'vitest'
import { AREAS } from '../../../src/contract/areas.ts'
import type { Area } from '../../../src/contract/types.ts'
import { CREDENTIALS } from '../deployed.ts'
import { brokenOf, OWNER, type Fault } from '../repository/world.ts'
import { createFullWorld, type FullWorld } from './fullWorld.ts'
import { refuse } from './plant.ts'

/** Where in an area the server begins with it. */
const PARTS = [0, 0.2, 0.4, 0.6, 0.8]

/** Sockets stay open, and preflights are answered. */
const limitedFrom = (first: number): Fault => {
  let count = 0
  return async (call, answer) => {
    if (count++ < first || call.verb === 'OPTIONS' || call.headers.has('upgrade')) return answer()
    const refusal = refuse(429, 'RateLimitExceeded')
    refusal.headers.set('cache-control', 'no-store')
    return call.verb === 'HEAD' ? new Response(null, refusal) : refusal
  }
}

const options = { ...OWNER, adminPassword: CREDENTIALS.admin, only: () => true } as const

let world: FullWorld
beforeAll(async () => {
  world = await createFullWorld()
})

/** The requests that are sent before an area, and until the end of the run. */
async function countOf(area: Area): Promise<[begin: number, end: number]> {
  let [begin, end] = [0, 0]
  const counting: Fault = (_, answer) => {
    end += 1
    return answer()
  }
  const check: Area['check'] = (run) => {
    begin = end
    return area.check(run)
  }
  await world.run([{ ...area, check }], counting, options)
  return [begin, end]
}

it.for(AREAS)('breaks no rule about: $name', async (area) => {
  const [begin, end] = await countOf(area)
  await world.restore()
  for (const part of PARTS) {
    const from = begin + Math.floor((end - begin) * part)
    const report = await world.run([area], limitedFrom(from), options)
    expect(brokenOf(report), `${from} of ${end}`).toEqual([])
    await world.restore()
  }
})
