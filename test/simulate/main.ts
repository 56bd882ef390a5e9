import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { simulate, type Simulated } from './simulate.ts'
import { tableOf } from './table.ts'

const HELP = `npm run simulate -- [options]
  --runs <n>     how many accounts move (500)
  --seed <n>     the first seed; each account has the next one (1)
  --jobs <n>     how many move at a time (1)
  --keep <file>  adds each result to this file, as a line of JSON: a run that was interrupted goes on with the seeds that
                 the file does not have, and the table is of all that it has
  --verbose      prints what happens, event by event
  --help`

const parseCount = (name: string, text: string, least: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name}: ${text} is not a whole number of at least ${least}`)
  return value
}

/** The results that a file has. */
const readKept = (file: string | undefined): Simulated[] => {
  if (file === undefined || !existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Simulated)
}

const violationsOf = ({ seed, faults, violations }: Simulated): string[] =>
  violations.map(
    (violation) =>
      `seed ${seed} (${faults.join('; ')}): ${violation}\n  npm run simulate -- --runs 1 --seed ${seed} --verbose`,
  )

/** Simulates these seeds in a thread of its own. */
const inThread = (seeds: readonly number[], onEnd: (one: Simulated) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: seeds })
    worker.on('message', onEnd)
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })

/** `npm run simulate`: simulated moves, and what became of them. Exits with 1 if something was lost. */
const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '1' },
      keep: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const { keep, verbose } = values
  const runs = parseCount('runs', values.runs, 1)
  const first = parseCount('seed', values.seed, 0)
  const jobs = parseCount('jobs', values.jobs, 1)

  const all = readKept(keep)
  if (all.length > 0) console.log(`${keep} has ${all.length} already`)
  const done = new Set(all.map(({ seed }) => seed))
  const seeds = Array.from({ length: runs }, (_, i) => first + i).filter((seed) => !done.has(seed))
  let ended = 0
  const onEnd = (one: Simulated) => {
    all.push(one)
    if (keep !== undefined) appendFileSync(keep, `${JSON.stringify(one)}\n`)
    if (verbose) console.log(JSON.stringify(one))
    for (const line of violationsOf(one)) console.log(line)
    if (++ended % 500 === 0) console.log(`${ended} of ${seeds.length}`)
  }
  if (jobs === 1) for (const seed of seeds) onEnd(await simulate(seed, verbose ? console.log : undefined))
  else
    await Promise.all(
      Array.from({ length: jobs }, (_, job) =>
        inThread(
          seeds.filter((_, i) => i % jobs === job),
          onEnd,
        ),
      ),
    )
  console.log(tableOf(all))
  process.exitCode = all.some(({ violations }) => violations.length > 0) ? 1 : 0
}

if (isMainThread) {
  await main().catch((cause: unknown) => {
    console.error(cause instanceof Error ? cause.message : cause)
    process.exitCode = 2
  })
} else {
  const seeds: number[] = workerData
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  for (const seed of seeds) parentPort?.postMessage(await simulate(seed))
}
