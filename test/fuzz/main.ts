/**
 * `npm run fuzz -- [--target name] [--seconds n] [--seed s] [--input n]`: feeds the parsers of foreign
 * bytes, each in a thread of its own with a bounded heap, two at a time. Exits with 1 where one failed.
 */
import { parseArgs } from 'node:util'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { fuzz, type Report, type Run } from './engine.ts'
import { TARGETS } from './targets/index.ts'

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

/** One target in a thread: a hang or an exhausted heap ends the thread and names the input. */
const watch = (task: Omit<Task, 'at'>): Promise<Report> =>
  new Promise((resolve) => {
    const at = new SharedArrayBuffer(8)
    const view = new BigInt64Array(at)
    // A parser that needs more than 32 MB fails long before; this only keeps the machine alive.
    const resourceLimits = { maxOldGenerationSizeMb: 512 }
    const worker = new Worker(import.meta.filename, { workerData: { ...task, at }, resourceLimits })
    let last = -1n
    const dead = (why: string) => {
      clearInterval(timer)
      void worker.terminate()
      const input = Number(view[0])
      const failure = { target: task.target, seed: task.seed, at: input, why, input: '' }
      const at = { at: input, ms: 0, bytes: 0 }
      resolve({
        target: task.target,
        inputs: input,
        outcomes: new Map(),
        slowest: at,
        largest: at,
        failures: [failure],
      })
    }
    const timer = setInterval(() => {
      const now = view[0] ?? 0n
      if (now === last) dead(`nothing for ${HANG / 1000} seconds`)
      last = now
    }, HANG)
    worker.on('error', (cause) =>
      dead(`the thread died: ${cause instanceof Error ? cause.message : String(cause)}`),
    )
    worker.on('message', (report: Report) => {
      clearInterval(timer)
      resolve(report)
    })
  })

const print = (report: Report): void => {
  const { target, inputs, outcomes, slowest, largest, failures } = report
  const mib = (largest.bytes / 2 ** 20).toFixed(1)
  console.log(
    `${target}: ${inputs} inputs, ${failures.length} failures, at most ${slowest.ms.toFixed(1)} ms (${slowest.at}), ${mib} MiB (${largest.at})`,
  )
  console.log(
    `  ${[...outcomes]
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  for (const { at, seed, why, input } of failures)
    console.log(
      `  FAILED npm run fuzz -- --target ${target} --seed ${seed} --input ${at}\n    ${why}\n    ${input}`,
    )
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now()) },
      input: { type: 'string' },
    },
  })
  const { seed, input } = values
  const only = input === undefined ? {} : { from: Number(input), count: 1 }
  const queue = (values.target ?? TARGETS.map(({ name }) => name)).map((name) => named(name).name)
  let failed = false
  const next = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const report = await watch({ target, seed, seconds: Number(values.seconds), ...only })
      print(report)
      failed ||= report.failures.length > 0
    }
  }
  console.log(`seed ${seed}, ${values.seconds} seconds for each target`)
  await Promise.all([next(), next()])
  process.exitCode = failed ? 1 : 0
}

if (isMainThread) await main()
else {
  const task: Task = workerData
  const view = new BigInt64Array(task.at)
  const onInput = (at: number) => void (view[0] = BigInt(at))
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(await fuzz(named(task.target), { ...task, onInput }))
}
