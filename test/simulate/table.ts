import type { Simulated } from './simulate.ts'

interface Row {
  runs: number
  moved: number
  stopped: Map<string, number>
  lost: number
}

const count = (found: Map<string, number>): string =>
  [...found]
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, n]) => `${reason} ${n}`)
    .join(', ')

/** The runs by fault: how many moved, why the others stopped, and what was lost. */
export const tableOf = (all: readonly Simulated[]): string => {
  const rows = new Map<string, Row>()
  for (const { faults, end, reason, violations } of all)
    for (const name of faults.length > 0 ? faults : ['none']) {
      const row = rows.get(name) ?? { runs: 0, moved: 0, stopped: new Map(), lost: 0 }
      row.runs++
      if (end === 'moved') row.moved++
      else row.stopped.set(reason, (row.stopped.get(reason) ?? 0) + 1)
      row.lost += violations.length > 0 ? 1 : 0
      rows.set(name, row)
    }
  const lines = [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { runs, moved, stopped, lost }]) =>
      [
        name.padEnd(68),
        String(runs).padStart(6),
        String(moved).padStart(6),
        (lost === 0 ? 'nothing' : `${lost} RUNS`).padStart(9),
        ` ${count(stopped)}`,
      ].join(' '),
    )
  const kills = all.reduce((sum, one) => sum + one.kills, 0)
  const moves = all.reduce((sum, one) => sum + one.runs, 0)
  const moved = all.filter(({ end }) => end === 'moved').length
  return [
    [`fault`.padEnd(68), '  runs', ' moved', '     lost', ' stopped, by reason'].join(' '),
    ...lines,
    `${all.length} accounts: ${moved} moved, ${all.length - moved} stopped with something to do next; the mover ran ${moves} times and was killed ${kills} times`,
  ].join('\n')
}
