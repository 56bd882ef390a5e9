import { expect, it, vi } from 'vitest'
import { Model } from './support/model.ts'
import { run } from './support/schedule.ts'

declare const __SEEDS__: string | undefined
declare const __SEED__: string | undefined

// Random schedules: writes, uploads, exports, imports, tokens, signatures, deactivations, collection,
// and deaths at every named step. SEEDS says how many, SEED where they begin.
const count = Number(typeof __SEEDS__ === 'undefined' ? 40 : __SEEDS__)
const from = Number(typeof __SEED__ === 'undefined' ? 1 : __SEED__)
const BATCH = 10

vi.setConfig({ testTimeout: 120_000 })

for (let first = from; first < from + count; first += BATCH) {
  const last = Math.min(first + BATCH, from + count) - 1
  it(`nothing is lost, doubled or torn in the schedules ${first} to ${last}`, async () => {
    for (let seed = first; seed <= last; seed++) {
      const model = new Model()
      try {
        await run(seed, model)
      } catch (cause) {
        console.error(`repeat it with: npm run schedules -- --seed ${seed}\n${model.trace.join('\n')}`)
        throw cause
      }
    }
    expect(last).toBeGreaterThanOrEqual(first)
  })
}
