import type { Finding, Level, Report } from '../types.ts'
import { byRule, failures } from './summarize.ts'
import { visible } from './visible.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}
const MAX_TEXT_CHARS = 4000

/** XML 1.0 has no way to write most controls, not even as entities. */
const clean = (text: string): string => visible(text, MAX_TEXT_CHARS)
const content = (text: string): string =>
  clean(text).replace(/[&<>]/g, (character) => ENTITIES[character] ?? '')
const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => {
      const text = clean(String(value)).replace(/[&<>"'\t\n\r]/g, (character) => ENTITIES[character] ?? '')
      return ` ${name}="${text}"`
    })
    .join('')

const evidence = ({ expected, got, exchanges, rule }: Finding): string =>
  [`Expected: ${expected}`, `Got: ${got}`, ...exchanges.slice(-3).map(({ curl }) => curl), rule.source].join(
    '\n',
  )

const outcomeOf = (finding: Finding, fails: boolean): string => {
  const { outcome, got, reason = '', rule } = finding
  if (outcome === 'kept') return ''
  if (outcome === 'broken' && fails)
    return `<failure${attributes({ message: got, type: rule.level })}>${content(evidence(finding))}</failure>`
  const message =
    outcome === 'broken' ? `broken, of a level that this run does not count: ${got}` : `${outcome}: ${reason}`
  return `<skipped${attributes({ message })}/>`
}

/**
 * A run as JUnit XML: each rule a suite, each finding a case. What is known, unclear, or of a level that the run does not
 * count, is skipped.
 */
export function junitReport(report: Report, levels: readonly Level[]): string {
  const { findings, startedAt, durationMs, origin } = report
  const failed = new Set(failures(findings, levels))
  const counts = (some: readonly Finding[]) => {
    const failing = some.filter((finding) => failed.has(finding)).length
    const kept = some.filter(({ outcome }) => outcome === 'kept').length
    return { tests: some.length, failures: failing, errors: 0, skipped: some.length - kept - failing }
  }
  const suites = [...byRule(findings)].map(([id, own]) => {
    const [first] = own
    const properties = first
      ? Object.entries({ level: first.rule.level, sentence: first.rule.sentence, source: first.rule.source })
      : []
    return [
      `  <testsuite${attributes({ name: id, ...counts(own), timestamp: startedAt, hostname: new URL(origin).host })}>`,
      '    <properties>',
      ...properties.map(([name, value]) => `      <property${attributes({ name, value })}/>`),
      '    </properties>',
      ...own.map((finding) => {
        const inner = outcomeOf(finding, failed.has(finding))
        const names = attributes({ classname: id, name: `${finding.subject}: ${finding.case}`, time: 0 })
        return `    <testcase${names}${inner === '' ? '/>' : `>${inner}</testcase>`}`
      }),
      '  </testsuite>',
    ].join('\n')
  })
  const incomplete = report.incomplete.map(
    ({ area, reason }) =>
      `  <testsuite${attributes({ name: area, tests: 1, failures: 0, errors: 1, skipped: 0 })}><testcase${attributes({ classname: area, name: 'tried to its end', time: 0 })}><error${attributes({ message: reason })}/></testcase></testsuite>`,
  )
  const all = counts(findings)
  const total = { ...all, tests: all.tests + incomplete.length, errors: incomplete.length }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: `pds-contract ${origin}`, ...total, time: durationMs / 1000 })}>`,
    ...suites,
    ...incomplete,
    '</testsuites>',
    '',
  ].join('\n')
}
