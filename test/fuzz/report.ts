/** What a run of the fuzzers says: a line for each finding, a table of all, the same as JSON. */
import { type Failure, MAX_BYTES, MAX_MS, type Report } from './engine.ts'

const SHOWN = 200

const command = ({ target, seed, at }: Failure): string =>
  `npm run fuzz -- --target ${target} --seed ${seed} --input ${at}`

/** The input's beginning; the whole of it may have megabytes. */
export const shortened = (input: string): string =>
  input.length <= SHOWN ? input : `${input.slice(0, SHOWN)}… (${input.length} characters)`

/** A finding, and how to see it again. */
export const failed = (failure: Failure): string => {
  const why = failure.why.split('\n').join('\n    ')
  const whole = failure.input.length > SHOWN ? '\n    (--out <folder> writes the whole input)' : ''
  return `  FAILED ${command(failure)}\n    ${why}\n    ${shortened(failure.input)}${whole}`
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

const byCount = ({ outcomes }: Report): [string, number][] => [...outcomes].sort((a, b) => b[1] - a[1])

/** A row for each target. */
export const table = (reports: readonly Report[]): string => {
  const rows = [
    ['target', 'inputs', 'seconds', 'slowest ms', 'most MiB', 'failures', 'outcomes'],
    ...reports.map((report) => [
      ...[report.target, String(report.inputs), report.seconds.toFixed(0)],
      ...[report.slowest.ms.toFixed(1), mib(report.largest.bytes), String(report.failures.length)],
      byCount(report)
        .slice(0, 4)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
    ]),
  ]
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  const cell = (text: string, column: number) =>
    column === 0 || column === 6 ? text.padEnd(width(column)) : text.padStart(width(column))
  const failures = reports.reduce((sum, report) => sum + report.failures.length, 0)
  const inputs = reports.reduce((sum, report) => sum + report.inputs, 0)
  const allowed = `${MAX_MS} ms of processor time and ${MAX_BYTES / 2 ** 20} MiB are allowed for each, more where its format asks for it`
  return [
    ...rows.map((row) => row.map(cell).join('  ').trimEnd()),
    '',
    `${inputs} inputs, ${failures} failures; ${allowed}`,
  ].join('\n')
}

export const json = (seed: string, reports: readonly Report[]): string =>
  JSON.stringify(
    {
      seed,
      passed: reports.filter(({ failures }) => failures.length === 0).length,
      failed: reports.filter(({ failures }) => failures.length > 0).length,
      targets: reports.map((report) => ({
        ...{ target: report.target, inputs: report.inputs, seconds: Math.round(report.seconds) },
        slowest: { ms: Number(report.slowest.ms.toFixed(1)), input: report.slowest.at },
        largest: { mib: Number(mib(report.largest.bytes)), input: report.largest.at },
        outcomes: Object.fromEntries(byCount(report)),
        failures: report.failures.map((failure) => ({
          repeat: command(failure),
          why: failure.why,
          input: shortened(failure.input),
        })),
      })),
    },
    undefined,
    2,
  )
