/** `npm run schedules -- [--seeds n] [--seed first]`: many random schedules, or one again. */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } })
const { seed = '1', seeds = values.seed === undefined ? '2000' : '1' } = values
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'workers', 'test/schedules/schedules'],
  { stdio: 'inherit', env: { ...process.env, SEEDS: seeds, SEED: seed } },
)
process.exitCode = status ?? 1
