import { readFile } from 'node:fs/promises'
import { depsOf } from '../../../src/cli/contract/depsOf.ts'
import type { ContractDeps } from '../../../src/contract/types.ts'
import { pdsContract } from '../../cli/contract/support.ts'
import { folder, type Ran } from '../../cli/support.ts'

/** The clock of a run, which stands still but for what is waited for in vain. */
export interface Clock {
  now(): number
  readonly timer: NonNullable<ContractDeps['timer']>
  /** Lets the time pass until the next timer runs out: the server lets the tool wait. */
  letWait(): void
  /** Lets so much time pass. */
  pass(ms: number): void
}

export function createClock(): Clock {
  let time = Date.now()
  const timers = new Set<{ at: number; ring: () => void }>()
  const ring = (): void => {
    for (const timer of [...timers].filter(({ at }) => at <= time)) {
      timers.delete(timer)
      timer.ring()
    }
  }
  return {
    now: () => time,
    timer(ms, whenDone) {
      const timer = { at: time + ms, ring: whenDone }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    letWait() {
      if (timers.size === 0) return
      time = Math.max(time, Math.min(...[...timers].map(({ at }) => at)))
      ring()
    },
    pass(ms) {
      time += ms
      ring()
    },
  }
}

export interface Examined extends Ran {
  /** The page, and the file for CI; empty where none was written. */
  readonly html: string
  readonly junit: string
  /** How long the tool meant to sleep, in all. */
  readonly sleptMs: number
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** Runs `pds-contract` against a server in this process, as a person in a terminal does, with the clock of the test. */
export async function examine(
  args: readonly string[],
  { clock = createClock(), env = {} }: { clock?: Clock; env?: Record<string, string> } = {},
): Promise<Examined> {
  await using files = await folder()
  let sleptMs = 0
  const ran = await pdsContract(
    [...args, '--html', files.in('report.html'), '--junit', files.in('report.xml')],
    { cwd: files.path, env: { NO_COLOR: '1', ...env }, now: clock.now, tty: true },
    (io) => ({
      ...depsOf(io),
      now: clock.now,
      timer: clock.timer,
      sleep: async (ms) => void (sleptMs += ms),
    }),
  )
  const [html, junit] = [await textOf(files.in('report.html')), await textOf(files.in('report.xml'))]
  return { ...ran, html, junit, sleptMs }
}
