import type { Figure } from './measure.ts'
import type { Row } from './row.ts'

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly seconds: number
  readonly rows: readonly Row[]
}

const number = (value: number): string =>
  value >= 1000
    ? Math.round(value).toLocaleString('en')
    : value >= 100
      ? value.toFixed(0)
      : value.toPrecision(2 + Number(value >= 10))

const cell = (of: Figure | undefined): string => {
  if (!of) return ''
  const spread = of.repetitions > 1 ? ` (${number(of.low)}–${number(of.high)})` : ''
  return `${number(of.median)}${spread}`
}

/** How many times better Cirrus is; a value below one means that it is worse. */
const ratio = ({ cirrus, reference, better }: Row): string => {
  // A ratio to zero or to a negative time means nothing.
  if (!cirrus || !reference || cirrus.median <= 0 || reference.median <= 0) return ''
  const times = better === 'higher' ? cirrus.median / reference.median : reference.median / cirrus.median
  return `${times.toFixed(times < 10 ? 1 : 0)}×`
}

export const sizeText = (size: number): string =>
  size >= 1_000_000 && size % 1_000_000 === 0
    ? `${size / 1_000_000}M`
    : size % 1000 === 0
      ? `${size / 1000}k`
      : `${size}`

/** A Markdown table, which is also readable in a terminal. */
export const table = ({ rows }: Pick<Report, 'rows'>): string => {
  const lines = rows.map((row) => [
    `${row.measure}, ${row.unit}`,
    row.size === undefined ? '' : sizeText(row.size),
    cell(row.cirrus),
    cell(row.reference),
    ratio(row),
  ])
  const all = [['', 'records', 'Cirrus', 'reference PDS', 'better by'], ...lines]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((line) => line[column]?.length ?? 0), 3))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(all[0] ?? []), rule, ...lines.map(line)].join('\n')
}

/** One line that says what it was measured on. */
export const heading = ({ machine, seconds }: Pick<Report, 'machine' | 'seconds'>): string => {
  const { cpu, memory, system, load, node, workerd, reference } = machine
  return `${cpu}, ${memory}, ${system} · Node ${node} · workerd ${workerd} · reference PDS ${reference} · ${seconds} s, load ${load} before`
}
