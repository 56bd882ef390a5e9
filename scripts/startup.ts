import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'

export interface Startup {
  /** Milliseconds of processor time, median of the runs, to compile and evaluate the modules of the Worker. */
  worker: number
  /** The same for the module of `fixedWork`, run in turns with it. */
  fixed: number
  /** `worker / fixed`: depends on the code, and hardly on the machine or on what else runs there. */
  ratio: number
}

const RUNS = 21

/** The same module each time, made of what modules do when they start: classes, closures, objects, expressions. */
const fixedWork = (): string => {
  const declaration = (n: number) => `
class C${n} {
  constructor(value) { this.value = value }
  m${n}(list) { return list.map((item) => item + ${n}).filter(Boolean) }
  get shape() { return { k${n}: this.value, expression: /^a${n}[a-z]*$/u } }
}
made.push(
  new C${n}(${n}).shape,
  new Map([['k${n}', { value: ${n}, list: [1, 2, 3], call: (x) => x * ${n} }]]),
  Object.freeze({ ...{ a: ${n} }, b: 'x${n}' }),
  /^x${n}(y|z)+$/u.test('x${n}yz'),
)`
  return `const made = []\n${Array.from({ length: 800 }, (_, n) => declaration(n)).join('\n')}\nexport default made\n`
}

/** The part of the runtime that the Worker needs in order to start; Node does not have it. */
const RUNTIME = 'export class DurableObject {}\nexport const waitUntil = () => {}\n'

/** Runs in a new thread, so that nothing is compiled yet. The time of other threads and processes does not count. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const before = process.threadCpuUsage()
import(workerData).then(() => {
  const { user, system } = process.threadCpuUsage(before)
  parentPort.postMessage((user + system) / 1000)
})`

const evaluate = async (file: string): Promise<number> => {
  const thread = new Worker(THREAD, { eval: true, workerData: pathToFileURL(file).href })
  try {
    return await new Promise<number>((resolve, reject) =>
      thread.once('message', resolve).once('error', reject),
    )
  } finally {
    await thread.terminate()
  }
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** How long the bundle `worker.js` in this folder takes to start, beside a fixed piece of work. */
export const measureStartup = async (folder: string): Promise<Startup> => {
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }
  file('runtime.mjs', RUNTIME)
  const bundle = readFileSync(path.join(folder, 'worker.js'), 'utf8')
  const workerFile = file('worker.mjs', bundle.replaceAll('"cloudflare:workers"', '"./runtime.mjs"'))
  const fixedFile = file('fixed.mjs', fixedWork())
  const times = { worker: [] as number[], fixed: [] as number[] }
  for (let run = 0; run < RUNS; run++) {
    times.worker.push(await evaluate(workerFile))
    times.fixed.push(await evaluate(fixedFile))
  }
  const [worker, fixed] = [median(times.worker), median(times.fixed)]
  return { worker, fixed, ratio: worker / fixed }
}
