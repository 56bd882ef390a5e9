import { describe, expect, it } from 'vitest'
import { LONG } from '../support/scale.ts'
import { corpus, seedsOf } from './corpus.ts'
import { fuzz, MIN_INPUTS, runOne } from './engine.ts'
import { TARGETS } from './targets/index.ts'

// The parsers of foreign bytes, each with its corpus and then with inputs that a fixed seed makes.
// FUZZ_SECONDS sets how long each runs, FUZZ_SEED chooses other inputs; `npm run fuzz` runs for hours.
const seconds = Number(process.env.FUZZ_SECONDS ?? (LONG ? 2 : 0.5))
const seed = process.env.FUZZ_SEED ?? 'cirrus'

for (const target of TARGETS) {
  describe(target.name, () => {
    for (const { name, input, expect: wanted } of corpus(target)) {
      it(`${wanted === 'ok' ? 'accepts' : 'refuses'} ${name}`, async () => {
        const { outcome, failure } = await runOne(target, target.parse(input))
        expect(failure).toBeUndefined()
        expect(outcome).toBe(wanted)
      })
    }

    it(
      'answers any input with a value or a typed error, within its time and memory',
      {
        timeout: seconds * 1000 + 120_000,
      },
      async () => {
        const { failures, inputs } = await fuzz(target, { seed, seconds, seeds: seedsOf(target) })
        const repeat = (at: number | string) =>
          `npm run fuzz -- --target ${target.name} --seed ${seed} --input ${at}`
        expect(
          failures.map(({ at, why, input }) => `${repeat(at)}\n${why}\n${input.slice(0, 2000)}`),
        ).toEqual([])
        expect(inputs).toBeGreaterThanOrEqual(MIN_INPUTS)
      },
    )
  })
}
