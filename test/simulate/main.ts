/** `npm run simulate -- [--runs n] [--seed first] [--verbose]`: simulated moves, and what became of them. */
import { parseArgs } from 'node:util'
import { simulate, type Simulated } from './simulate.ts'
import { tableOf } from './table.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
})
const [runs, first] = [Number(values.runs), Number(values.seed)]
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(first))
  throw new Error('--runs and --seed must be whole numbers')

const all: Simulated[] = []
for (let seed = first; seed < first + runs; seed++) {
  const one = await simulate(seed, values.verbose ? console.log : undefined)
  all.push(one)
  if (values.verbose) console.log(JSON.stringify(one))
  for (const violation of one.violations)
    console.log(
      `seed ${seed} (${one.faults.join('; ')}): ${violation}\n  npm run simulate -- --runs 1 --seed ${seed} --verbose`,
    )
  if (all.length % 500 === 0) console.log(`${all.length} of ${runs}`)
}
console.log(tableOf(all))
process.exitCode = all.some(({ violations }) => violations.length > 0) ? 1 : 0
