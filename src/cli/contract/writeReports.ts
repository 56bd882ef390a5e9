import { resolve } from 'node:path'
import { htmlReport } from '../../contract/report/html/htmlReport.ts'
import { junitReport } from '../../contract/report/junitReport.ts'
import type { Level, Report } from '../../contract/types.ts'
import { VERSION } from '../../version.ts'
import { CliError, messageOf } from '../errors.ts'
import { writeAtomically } from '../files/files.ts'
import type { Io } from '../terminal/io.ts'
import type { Output } from '../terminal/output.ts'

export interface ReportFiles {
  readonly junit: string | undefined
  readonly html: string | undefined
}

/** Writes a run to the files that were asked for, each of them whole or not at all. */
export async function writeReports(
  report: Report,
  levels: readonly Level[],
  { junit, html }: ReportFiles,
  io: Pick<Io, 'cwd'>,
  out: Output,
): Promise<void> {
  const files: readonly (readonly [string | undefined, () => string])[] = [
    [junit, () => junitReport(report, levels)],
    [html, () => htmlReport(report, levels, VERSION)],
  ]
  for (const [file, text] of files) {
    if (file === undefined) continue
    const path = resolve(io.cwd, file)
    try {
      await writeAtomically(path, text())
    } catch (cause) {
      throw new CliError('bad-folder', `${path} cannot be written: ${messageOf(cause)}`, { cause })
    }
    out.note(`Written: ${path}`)
  }
}
