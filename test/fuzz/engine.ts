/** Runs inputs under the rule: only typed errors, 50 ms and 32 MB at most, nothing accepted that is not canonical. */
import { setFlagsFromString, getHeapStatistics } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from './random.ts'

export const MAX_MS = 50
export const MAX_BYTES = 32 * 1024 * 1024

/** A parser of foreign bytes, and how to feed it. */
export interface Target<T = unknown, R = unknown> {
  readonly name: string
  /** The errors that it may answer with; anything else is a crash. */
  readonly typed: readonly (abstract new (...args: never[]) => Error)[]
  /** An input, mutated or made. */
  generate(random: Random): T | Promise<T>
  /**
   * What the format itself asks for beyond `MAX_MS` and `MAX_BYTES`, counted from the input and not by what is
   * measured: each signature of a log has to be checked, however long the log is.
   */
  allow?(input: T): { ms: number; bytes: number }
  /** An input of the corpus with a few wounds. `others` are more to take parts from. */
  mutate?(input: T, random: Random, others: readonly T[]): T
  /** What is measured. */
  run(input: T): R | Promise<R>
  /** Whether what was accepted should have been; throws if not. Not measured. */
  check?(input: T, result: R): void | Promise<void>
  /** The input as JSON, for a report and for the corpus; and back. */
  show(input: T): string
  parse(shown: string): T
}

export interface Failure {
  target: string
  seed: string
  /** The number of the input, or the name of a corpus entry. */
  at: number | string
  why: string
  input: string
}

const collect = (() => {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc !== 'function') return () => {}
  // Buffers are freed beside the program; the second time waits until those of the first are.
  return () => {
    gc()
    gc()
  }
})()

const memory = (): number => {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

/** Of this thread: what others do on the machine does not count. */
const cpu = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

export interface Outcome {
  /** `ok`, or the code of a typed error. */
  outcome: string
  ms: number
  bytes: number
  failure?: string
}

const codeOf = (cause: Error): string => {
  const { code, error } = cause as Error & { code?: unknown; error?: unknown } // what typed errors carry
  return String(code ?? error ?? cause.name)
}

const once = async (target: Target, input: unknown): Promise<Outcome> => {
  const [before, started] = [memory(), cpu()]
  let outcome = 'ok'
  let failure: string | undefined
  let result: unknown
  try {
    result = await target.run(input)
  } catch (cause) {
    if (target.typed.some((kind) => cause instanceof kind) && cause instanceof Error) outcome = codeOf(cause)
    else
      failure = `not a typed error: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`
  }
  const [ms, bytes] = [cpu() - started, memory() - before]
  if (outcome === 'ok' && failure === undefined) {
    try {
      await target.check?.(input, result)
    } catch (cause) {
      failure = `accepted, and should not be: ${cause instanceof Error ? cause.message : String(cause)}`
    }
  }
  return { outcome, ms, bytes, ...(failure === undefined ? {} : { failure }) }
}

/** One input. What was slow or large is tried again: a collection or the compiler may have come in between. */
export const runOne = async (target: Target, input: unknown): Promise<Outcome> => {
  const first = await once(target, input)
  if (first.failure !== undefined) return first
  let { ms, bytes } = first
  const more = target.allow?.(input) ?? { ms: 0, bytes: 0 }
  const [maxMs, maxBytes] = [MAX_MS + more.ms, MAX_BYTES + more.bytes]
  for (let again = 0; again < 4 && (ms > maxMs || bytes > maxBytes); again++) {
    collect()
    const next = await once(target, input)
    ms = Math.min(ms, next.ms)
    bytes = Math.min(bytes, next.bytes)
  }
  const failure =
    ms > maxMs
      ? `${ms.toFixed(1)} ms, ${maxMs} allowed`
      : bytes > maxBytes
        ? `${(bytes / 2 ** 20).toFixed(1)} MiB, ${maxBytes / 2 ** 20} allowed`
        : undefined
  return { outcome: first.outcome, ms, bytes, ...(failure === undefined ? {} : { failure }) }
}

export interface Report {
  target: string
  inputs: number
  /** How long it took. */
  seconds: number
  outcomes: Map<string, number>
  slowest: { ms: number; at: number }
  largest: { bytes: number; at: number }
  failures: Failure[]
}

export interface Run {
  seed: string
  seconds: number
  /** The first input's number. */
  from?: number
  /** How many inputs at most. */
  count?: number
  /** Inputs of the corpus: one in ten is bred from them. */
  seeds?: readonly unknown[]
  /** Called before each input, so that a watcher knows where it hangs. */
  onInput?(at: number): void
}

const MAX_FAILURES = 10

/** Feeds a target for a while. Input `n` depends on seed, `n` and corpus alone, so that each can be repeated. */
export const fuzz = async (target: Target, options: Run): Promise<Report> => {
  const { seed, seconds, from = 0, count = Infinity, seeds = [], onInput } = options
  const report: Report = {
    ...{ target: target.name, inputs: 0, seconds: 0, outcomes: new Map(), failures: [] },
    slowest: { ms: 0, at: from },
    largest: { bytes: 0, at: from },
  }
  const seen = new Set<string>()
  const started = performance.now()
  const end = started + seconds * 1000
  for (let at = from; at < from + count && performance.now() < end; at++) {
    onInput?.(at)
    const random = new Random(seed, target.name, at)
    const bred = at % 10 === 9 && seeds.length > 0 && target.mutate !== undefined
    const input = bred ? target.mutate?.(random.pick(seeds), random, seeds) : await target.generate(random)
    const { outcome, ms, bytes, failure } = await runOne(target, input)
    report.inputs++
    report.outcomes.set(outcome, (report.outcomes.get(outcome) ?? 0) + 1)
    if (ms > report.slowest.ms) report.slowest = { ms, at }
    if (bytes > report.largest.bytes) report.largest = { bytes, at }
    if (failure === undefined) continue
    const kind = failure.split('\n').slice(0, 3).join().replaceAll(/\d+/g, '#')
    if (seen.has(kind)) continue
    seen.add(kind)
    report.failures.push({ target: target.name, seed, at, why: failure, input: target.show(input) })
    if (report.failures.length >= MAX_FAILURES) break
  }
  report.seconds = (performance.now() - started) / 1000
  return report
}
