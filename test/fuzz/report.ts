import { type Failure, MAX_BYTES, MAX_MS, type Report } from './engine.ts'

const SHOWN_CHARS = 200

const command = ({ target, seed, at }: Failure): string =>
  `npm run fuzz -- --target ${target} --seed ${seed} --input ${at}`

/** The beginning of an input, which may have megabytes. */
export const shortened = (input: string): string =>
  input.length <= SHOWN_CHARS ? input : `${input.slice(0, SHOWN_CHARS)}… (${input.length} characters)`

/** A failure, and the command that repeats it. */
export const failed = (failure: Failure): string => {
  const why = failure.why.split('\n').join('\n    ')
  const whole = failure.input.length > SHOWN_CHARS ? '\n    (--out <folder> writes the whole input)' : ''
  return `  FAILED ${command(failure)}\n    ${why}\n    ${shortened(failure.input)}${whole}`
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

const byCount = ({ outcomes }: Report): [string, number][] => [...outcomes].sort((a, b) => b[1] - a[1])

/** The table at the end of a run: a row for each target. */
export const table = (reports: readonly Report[]): string => {
  const rows = [
    ['target', 'inputs', 'seconds', 'slowest ms', 'most MiB', 'failures', 'outcomes'],
    ...reports.map((report) => [
      report.target,
      String(report.inputs),
      report.seconds.toFixed(0),
      report.slowest.ms.toFixed(1),
      mib(report.largest.bytes),
      String(report.failures.length),
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
  const allowed = `${MAX_MS} ms of processor time and ${MAX_BYTES / 2 ** 20} MiB are allowed for each, and more if its format needs it`
  return [
    ...rows.map((row) => row.map(cell).join('  ').trimEnd()),
    '',
    `${inputs} inputs, ${failures} failures; ${allowed}`,
  ].join('\n')
}

/** The result of a run as JSON. */
export const json = (seed: string, reports: readonly Report[]): string =>
  JSON.stringify(
    {
      seed,
      passed: reports.filter(({ failures }) => failures.length === 0).length,
      failed: reports.filter(({ failures }) => failures.length > 0).length,
      targets: reports.map((report) => ({
        target: report.target,
        inputs: report.inputs,
        seconds: Math.round(report.seconds),
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
