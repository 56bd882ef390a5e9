// How long each part of a long test took, and the most memory that each server had meanwhile.
import { writeFileSync } from 'node:fs'

import { watchMemory } from '../../../bench/memory.ts'

interface Phase {
  readonly phase: string
  readonly seconds: number
  /** MiB, by server. */
  readonly peak: Readonly<Record<string, number>>
}

export interface Phases {
  /** Does the work and notes it. */
  run<T>(phase: string, work: () => Promise<T>): Promise<T>
  /** A table on stdout; as JSON too, into the file that $NIGHTLY_JSON names. */
  report(title: string): void
}

/** `pids` by the servers' names. */
export const phases = (pids: Readonly<Record<string, number>>): Phases => {
  const done: Phase[] = []
  return {
    run: async (phase, work) => {
      const peak: Record<string, number> = {}
      const start = performance.now()
      const watched = Object.entries(pids).reduce(
        (inner, [name, pid]) =>
          async () => {
            const { result, peak: most } = await watchMemory(pid, inner)
            peak[name] = Math.round(most / 2 ** 20)
            return result
          },
        work,
      )
      const result = await watched()
      done.push({ phase, seconds: Math.round((performance.now() - start) / 100) / 10, peak })
      return result
    },
    report: (title) => {
      const columns = ['seconds', ...Object.keys(pids).map((name) => `${name}, MiB`)]
      const first = Math.max(...done.map(({ phase }) => phase.length))
      const line = (head: string, cells: readonly string[]) =>
        `| ${[head.padEnd(first), ...cells.map((cell, i) => cell.padStart(columns[i]?.length ?? 0))].join(' | ')} |\n`
      const rows = done.map(({ phase, seconds, peak }) =>
        line(phase, [seconds.toFixed(1), ...Object.keys(pids).map((name) => String(peak[name]))]),
      )
      const rule = line(
        '-'.repeat(first),
        columns.map((column) => `${'-'.repeat(column.length - 1)}:`),
      )
      process.stdout.write(`\n${title}\n\n${line('', columns)}${rule}${rows.join('')}\n`)
      const file = process.env['NIGHTLY_JSON']
      if (file) writeFileSync(file, `${JSON.stringify({ title, phases: done }, null, 2)}\n`)
    },
  }
}
