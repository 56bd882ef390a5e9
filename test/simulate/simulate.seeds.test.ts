/** Simulated moves: a few here, 500 in `npm run test:long`, as many as wanted with `npm run simulate`. */
import { expect, it } from 'vitest'
import { FIRST_SEED, LONG } from '../support/scale.ts'
import { simulate, type Simulated } from './simulate.ts'
import { tableOf } from './table.ts'

const RUNS = LONG ? 500 : 40

it(
  `${RUNS} accounts move between servers with random faults, and nothing is lost`,
  { timeout: 600_000 },
  async () => {
    const all: Simulated[] = []
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) all.push(await simulate(seed))
    console.log(tableOf(all))
    const broken = all.filter(({ violations }) => violations.length > 0)
    expect(
      broken.map(({ seed, violations }) => [
        `npm run simulate -- --runs 1 --seed ${seed} --verbose`,
        ...violations,
      ]),
    ).toEqual([])
    // A simulation in which hardly anything arrives would show little.
    expect(all.filter(({ end }) => end === 'moved').length).toBeGreaterThan(RUNS / 2)
    expect(all.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThan(RUNS / 4)
  },
)

/** Seeds that have shown a fault of the engine or of the simulation, which was mended. */
it.each([200_500, 201_818])('seed %i loses nothing any more', async (seed) => {
  expect((await simulate(seed)).violations).toEqual([])
})

it('gives the same for the same seed', async () => {
  for (const seed of [35, 87]) expect(await simulate(seed)).toEqual(await simulate(seed))
})
