import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { seedsOf } from './corpus.ts'
import { type Failure, fuzz, type Report, type Run } from './engine.ts'
import { failed, json, table } from './report.ts'
import { TARGETS } from './targets/index.ts'

const HELP = `npm run fuzz -- [options]
  --target <name>  one of the targets; may be repeated. By default all of them:
                   ${TARGETS.map(({ name }) => name).join(', ')}
  --seconds <n>    how long each target runs (3600: an hour)
  --inputs <n>     how many inputs each target gets: the same ones on every machine, however long it takes
  --jobs <n>       how many targets run at a time (2)
  --seed <text>    chooses the inputs (by default the time)
  --input <n>      runs only this input
  --out <folder>   writes each input that failed to this folder, whole, in the form that a corpus has
  --json           writes the result as JSON to stdout, and everything else to stderr`

interface Task extends Run {
  target: string
  /** Holds the number of the input that runs. */
  at: SharedArrayBuffer
}

const targetNamed = (name: string) => {
  const found = TARGETS.find((target) => target.name === name)
  if (!found)
    throw new Error(`there is no target ${name}; the targets are ${TARGETS.map((t) => t.name).join(', ')}`)
  return found
}

const HANG_MS = 20_000
const PROGRESS_MS = 15_000

/** Runs one target in a thread: a hang or an exhausted heap ends the thread, and the report names the input. */
const watch = (task: Omit<Task, 'at'>, say: (line: string) => void): Promise<Report> =>
  new Promise((resolve) => {
    const at = new SharedArrayBuffer(8)
    const view = new BigInt64Array(at)
    // A parser that needs more than 32 MB fails long before this limit, which only protects the machine.
    const resourceLimits = { maxOldGenerationSizeMb: 512 }
    const worker = new Worker(import.meta.filename, { workerData: { ...task, at }, resourceLimits })
    const started = performance.now()
    const seconds = () => Math.round((performance.now() - started) / 1000)
    let last = -1n
    const end = (report: Report) => {
      clearInterval(hang)
      clearInterval(progress)
      resolve(report)
    }
    const dead = (why: string) => {
      void worker.terminate()
      const input = Number(view[0])
      const failure: Failure = { target: task.target, seed: task.seed, at: input, why, input: '' }
      const at = { at: input, ms: 0, bytes: 0 }
      const inputs = input - (task.from ?? 0)
      end({
        target: task.target,
        inputs,
        seconds: seconds(),
        outcomes: new Map(),
        slowest: at,
        largest: at,
        failures: [failure],
      })
    }
    const hang = setInterval(() => {
      const now = view[0] ?? 0n
      if (now === last) dead(`no new input for ${HANG_MS / 1000} seconds`)
      last = now
    }, HANG_MS)
    const progress = setInterval(() => say(`${task.target}: ${view[0]} inputs, ${seconds()} s`), PROGRESS_MS)
    worker.on('error', (cause) =>
      dead(`the thread died: ${cause instanceof Error ? cause.message : String(cause)}`),
    )
    worker.on('message', end)
  })

const options = {
  target: { type: 'string', multiple: true },
  seconds: { type: 'string' },
  inputs: { type: 'string' },
  jobs: { type: 'string', default: '2' },
  seed: { type: 'string', default: String(Date.now()) },
  input: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** Reads an option that is a whole number of at least `least`. */
const parseCount = (name: string, text: string, least: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least)
    throw new Error(`--${name}: ${text} is not a whole number of at least ${least}`)
  return value
}

/** How much each target runs: a number of inputs, or a time. */
const runLimits = (values: { seconds?: string; inputs?: string; input?: string }): Omit<Run, 'seed'> => {
  const { seconds, inputs, input } = values
  if (input !== undefined) return { from: parseCount('input', input, 0), count: 1, seconds: Infinity }
  if (inputs === undefined) return { seconds: parseCount('seconds', seconds ?? '3600', 1) }
  return {
    count: parseCount('inputs', inputs, 1),
    seconds: seconds === undefined ? Infinity : parseCount('seconds', seconds, 1),
  }
}

const writeInput = (folder: string, { target, seed, at, input }: Failure): string => {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/${target}-${seed.replaceAll(/[^\w-]/g, '_')}-${at}.txt`
  writeFileSync(file, input)
  return file
}

/**
 * `npm run fuzz`: runs the parsers of foreign bytes, each in a thread of its own with a bounded heap, and prints a table at
 * the end. Exits with 1 if one failed. `--help` lists the options.
 */
const main = async (): Promise<void> => {
  const { values } = parseArgs({ options })
  if (values.help) return console.log(HELP)
  const say = values.json ? console.error : console.log
  const run = { ...runLimits(values), seed: values.seed }
  const queue = (values.target ?? TARGETS.map(({ name }) => name)).map((name) => targetNamed(name).name)
  const order = [...queue]
  const reports: Report[] = []
  const next = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const report = await watch({ target, ...run }, say)
      reports.push(report)
      say(`${target}: done, ${report.inputs} inputs, ${report.failures.length} failures`)
      for (const failure of report.failures) {
        say(failed(failure))
        if (values.out !== undefined) say(`    the whole input: ${writeInput(values.out, failure)}`)
      }
    }
  }
  const jobs = Math.min(parseCount('jobs', values.jobs, 1), queue.length)
  const amount = run.count === undefined ? `${run.seconds} s` : `${run.count} inputs`
  say(`seed ${run.seed}, ${amount} for each of ${queue.length} targets, ${jobs} at a time`)
  await Promise.all(Array.from({ length: jobs }, next))
  reports.sort((a, b) => order.indexOf(a.target) - order.indexOf(b.target))
  if (values.json) console.log(json(run.seed, reports))
  else say(`\n${table(reports)}`)
  process.exitCode = reports.some(({ failures }) => failures.length > 0) ? 1 : 0
}

if (isMainThread) {
  await main().catch((cause: unknown) => {
    console.error(cause instanceof Error ? cause.message : cause)
    process.exitCode = 2
  })
} else {
  const task: Task = workerData
  const view = new BigInt64Array(task.at)
  const target = targetNamed(task.target)
  const onInput = (at: number) => void (view[0] = BigInt(at))
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(await fuzz(target, { ...task, seeds: seedsOf(target), onInput }))
}
