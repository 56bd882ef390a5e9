/**
 * `npm run schedules -- [--seeds n] [--seed first] [--jobs n]`: runs many random schedules, or repeats one. A process runs
 * 2000 of them at most, because the runtime keeps a file open for each account that it has ever had.
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'

const CHUNK = 2000
/** What the runner prints of a test that passed. */
const PASSED = /✓/

const whole = (name: string, text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number from 1: ${text}`)
  return value
}

/** Runs these schedules and says whether all passed. If not, prints the output of the test runner. */
const run = (seed: number, seeds: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', '--project', 'workers', 'test/schedules/schedules'],
      { env: { ...process.env, SEEDS: String(seeds), SEED: String(seed) } },
    )
    const said: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes))
    child.on('error', reject)
    child.on('close', (code) => {
      const lines = Buffer.concat(said).toString().split('\n')
      if (code !== 0) console.log(lines.filter((line: string) => !PASSED.test(line)).join('\n'))
      resolve(code === 0)
    })
  })

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: { seeds: { type: 'string' }, seed: { type: 'string' }, jobs: { type: 'string', default: '1' } },
  })
  const first = whole('seed', values.seed ?? '1')
  const seeds = whole('seeds', values.seeds ?? (values.seed === undefined ? '2000' : '1'))
  let [next, done, failed] = [first, 0, 0]
  const work = async (): Promise<void> => {
    while (next < first + seeds) {
      const from = next
      const count = Math.min(CHUNK, first + seeds - from)
      next += count
      const isClean = await run(from, count)
      done += count
      if (!isClean) failed++
      const found = isClean ? 'nothing found' : 'FAILED'
      console.log(`schedules ${from} to ${from + count - 1}: ${found}; ${done} of ${seeds}`)
    }
  }
  await Promise.all(Array.from({ length: whole('jobs', values.jobs) }, work))
  return failed === 0 ? 0 : 1
}

process.exitCode = await main().catch((cause: unknown) => {
  console.error(cause instanceof Error ? cause.message : cause)
  return 2
})
