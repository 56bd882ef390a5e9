/**
 * `npm run fuzz`: feeds the parsers of foreign bytes, each in a thread of its own with a bounded heap, and
 * ends with a table. Exits with 1 where one failed. `--help` lists the options.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { seedsOf } from './corpus.ts'
import { type Failure, fuzz, type Report, type Run } from './engine.ts'
import { failed, json, table } from './report.ts'
import { TARGETS } from './targets/index.ts'

const HELP = `npm run fuzz -- [options]
  --target <name>  one of the targets; may be repeated. All of them else:
                   ${TARGETS.map(({ name }) => name).join(', ')}
  --seconds <n>    how long each target is fed (3600: an hour)
  --inputs <n>     how many inputs each target is fed: the same ones on every machine, however long it takes
  --jobs <n>       how many targets at a time (2)
  --seed <text>    which inputs (one of the clock)
  --input <n>      this input alone
  --out <folder>   writes the inputs that failed there, whole, as a corpus spells them
  --json           the result as JSON on stdout; the rest goes to stderr`

interface Task extends Run {
  target: string
  /** The number of the input that runs. */
  at: SharedArrayBuffer
}

const named = (name: string) => {
  const found = TARGETS.find((target) => target.name === name)
  if (!found)
    throw new Error(`there is no target ${name}; the targets are ${TARGETS.map((t) => t.name).join(', ')}`)
  return found
}

const HANG = 20_000
const PROGRESS = 15_000

/** One target in a thread: a hang or an exhausted heap ends the thread and names the input. */
const watch = (task: Omit<Task, 'at'>, say: (line: string) => void): Promise<Report> =>
  new Promise((resolve) => {
    const at = new SharedArrayBuffer(8)
    const view = new BigInt64Array(at)
    // A parser that needs more than 32 MB fails long before; this only keeps the machine alive.
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
        ...{ target: task.target, inputs, seconds: seconds(), outcomes: new Map() },
        ...{ slowest: at, largest: at, failures: [failure] },
      })
    }
    const hang = setInterval(() => {
      const now = view[0] ?? 0n
      if (now === last) dead(`nothing for ${HANG / 1000} seconds`)
      last = now
    }, HANG)
    const progress = setInterval(() => say(`${task.target}: ${view[0]} inputs, ${seconds()} s`), PROGRESS)
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

/** A whole number that is at least `least`. */
const whole = (name: string, text: string, least: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least)
    throw new Error(`--${name}: ${text} is not a number from ${least} on`)
  return value
}

/** What is fed: a number of inputs, or for a time. */
const portion = (values: { seconds?: string; inputs?: string; input?: string }): Omit<Run, 'seed'> => {
  const { seconds, inputs, input } = values
  if (input !== undefined) return { from: whole('input', input, 0), count: 1, seconds: Infinity }
  if (inputs === undefined) return { seconds: whole('seconds', seconds ?? '3600', 1) }
  return {
    count: whole('inputs', inputs, 1),
    seconds: seconds === undefined ? Infinity : whole('seconds', seconds, 1),
  }
}

const keep = (folder: string, { target, seed, at, input }: Failure): string => {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/${target}-${seed.replaceAll(/[^\w-]/g, '_')}-${at}.txt`
  writeFileSync(file, input)
  return file
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options })
  if (values.help) return console.log(HELP)
  const say = values.json ? console.error : console.log
  const run = { ...portion(values), seed: values.seed }
  const queue = (values.target ?? TARGETS.map(({ name }) => name)).map((name) => named(name).name)
  const order = [...queue]
  const reports: Report[] = []
  const next = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const report = await watch({ target, ...run }, say)
      reports.push(report)
      say(`${target}: done, ${report.inputs} inputs, ${report.failures.length} failures`)
      for (const failure of report.failures) {
        say(failed(failure))
        if (values.out !== undefined) say(`    whole in ${keep(values.out, failure)}`)
      }
    }
  }
  const jobs = Math.min(whole('jobs', values.jobs, 1), queue.length)
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
  const target = named(task.target)
  const onInput = (at: number) => void (view[0] = BigInt(at))
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(await fuzz(target, { ...task, seeds: seedsOf(target), onInput }))
}
