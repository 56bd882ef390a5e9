import { setFlagsFromString, getHeapStatistics } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from './random.ts'

export const MAX_MS = 50
export const MAX_BYTES = 32 * 1024 * 1024

/** A parser of foreign bytes, and how to make inputs for it. */
export interface Target<T = unknown, R = unknown> {
  readonly name: string
  /** The errors that it may throw; any other is a crash. */
  readonly typed: readonly (abstract new (...args: never[]) => Error)[]
  /** Makes an input, from nothing or by mutating a good one. */
  generate(random: Random): T | Promise<T>
  /**
   * What the format itself needs beyond `MAX_MS` and `MAX_BYTES`, computed from the input and not from what was
   * measured: each signature of a log must be verified, however long the log is.
   */
  allow?(input: T): { ms: number; bytes: number }
  /** An input of the corpus with a few things made wrong. `others` are more inputs to take pieces from. */
  mutate?(input: T, random: Random, others: readonly T[]): T
  /** Runs the parser: the part that is measured. */
  run(input: T): R | Promise<R>
  /** Throws if an input that was accepted should not have been. Not measured. */
  check?(input: T, result: R): void | Promise<void>
  /** The input as JSON, for a report and for the corpus; `parse` reads it back. */
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
  // Buffers are freed by another thread; the second call waits until those of the first are freed.
  return () => {
    gc()
    gc()
  }
})()

const memory = (): number => {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

/** Processor milliseconds of this thread: other work on the machine does not count. */
const cpuMs = (): number => {
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
  const { code, error } = cause as Error & { code?: unknown; error?: unknown } // the fields of typed errors
  return String(code ?? error ?? cause.name)
}

const measure = async (target: Target, input: unknown): Promise<Outcome> => {
  const [before, started] = [memory(), cpuMs()]
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
  const [ms, bytes] = [cpuMs() - started, memory() - before]
  if (outcome === 'ok' && failure === undefined) {
    try {
      await target.check?.(input, result)
    } catch (cause) {
      failure = `accepted, and should not be: ${cause instanceof Error ? cause.message : String(cause)}`
    }
  }
  return { outcome, ms, bytes, ...(failure === undefined ? {} : { failure }) }
}

/**
 * Runs one input under the rule: only typed errors, at most 50 ms and 32 MB (more if the target allows it), and nothing
 * accepted that is not canonical. A slow or large run is repeated: a garbage collection or the compiler may have
 * interfered.
 */
export const runOne = async (target: Target, input: unknown): Promise<Outcome> => {
  const first = await measure(target, input)
  if (first.failure !== undefined) return first
  let { ms, bytes } = first
  const more = target.allow?.(input) ?? { ms: 0, bytes: 0 }
  const [maxMs, maxBytes] = [MAX_MS + more.ms, MAX_BYTES + more.bytes]
  for (let again = 0; again < 4 && (ms > maxMs || bytes > maxBytes); again++) {
    collect()
    const next = await measure(target, input)
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
  /** How long the run took. */
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
  /** Inputs of the corpus: one in ten inputs is a mutation of one of them. */
  seeds?: readonly unknown[]
  /** Called before each input, so that a watcher knows which one hangs. */
  onInput?(at: number): void
}

const MAX_FAILURES = 10

/** A run has at least this many inputs, unless `count` is smaller, even if its time is over before. */
export const MIN_INPUTS = 21

/** Runs a target for some time or some inputs. Input `n` depends only on seed, `n` and corpus, so each can be repeated. */
export const fuzz = async (target: Target, options: Run): Promise<Report> => {
  const { seed, seconds, from = 0, count = Infinity, seeds = [], onInput } = options
  const report: Report = {
    target: target.name,
    inputs: 0,
    seconds: 0,
    outcomes: new Map(),
    failures: [],
    slowest: { ms: 0, at: from },
    largest: { bytes: 0, at: from },
  }
  const seen = new Set<string>()
  const started = performance.now()
  const end = started + seconds * 1000
  for (let at = from; at < from + count; at++) {
    if (performance.now() >= end && report.inputs >= MIN_INPUTS) break
    onInput?.(at)
    const random = new Random(seed, target.name, at)
    const mutated = at % 10 === 9 && seeds.length > 0 && target.mutate !== undefined
    const input = mutated ? target.mutate?.(random.pick(seeds), random, seeds) : await target.generate(random)
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
