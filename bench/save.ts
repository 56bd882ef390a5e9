import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { heading, table, type Report } from './report.ts'

const README = join(import.meta.dirname, 'README.md')
const FIGURES = /(<!-- figures -->\n)[^]*(<!-- end of figures -->)/

/** Replaces the figures in bench/README.md. */
export const save = (report: Report): void => {
  const day = new Date().toISOString().slice(0, 10)
  const text = readFileSync(README, 'utf8')
  if (!FIGURES.test(text)) throw new Error(`${README} has no place for figures`)
  writeFileSync(
    README,
    text.replace(
      FIGURES,
      (_, from: string, to: string) => `${from}\n${day}: ${heading(report)}\n\n${table(report)}\n\n${to}`,
    ),
  )
}
