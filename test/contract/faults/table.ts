import type { Planted } from '../repository/spoil.ts'

/** What the table says of a fault. */
type Row = Pick<Planted, 'name' | 'rule' | 'also' | 'elsewhere' | 'because'>

/** The rules that see a fault besides the one that is about it. */
export const othersOf = ({ also = [], elsewhere = [] }: Row): string[] => [...also, ...elsewhere]

const HEAD = ['fault', 'rule', 'also seen by'] as const

/** What was found by which rule, a line for each fault. */
export function tableOf(faults: readonly Row[]): string {
  const rows = faults.map((fault) => {
    const others = othersOf(fault)
    return [fault.name, fault.rule, others.length === 0 ? '' : `${others.join(', ')}: ${fault.because}`]
  })
  const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell))
      .join('  ')
      .trimEnd()
  return [...[HEAD, ...rows].map(line), `${faults.length} faults, each found by its rule`].join('\n')
}
