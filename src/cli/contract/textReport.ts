import { anyLevel, byRule, failures, LEVELS, summarize } from '../../contract/report/summarize.ts'
import type { Finding, Level, Report } from '../../contract/types.ts'
import { count, table, type Paint } from '../terminal/output.ts'

/** Places of one rule that are shown whole; the others by name. --json and --html have them all. */
const MAX_SHOWN = 10
/** Requests of one finding that are shown: a check ends with the answer that is wrong. */
const MAX_REQUESTS = 3
const MAX_LINE_CHARS = 2000

/** A text of a server as one line. */
const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)} …` : line
}

const placeOf = ({ subject, case: name }: Finding): string => oneLine(`${subject}: ${name}`)

const indent = (text: string, width: number): string =>
  text
    .split('\n')
    .map((line) => `${' '.repeat(width)}${line}`)
    .join('\n')

const detail = ({ exchanges, expected, got, rule, reason }: Finding, paint: Paint): string =>
  table(
    [
      ...exchanges.slice(-MAX_REQUESTS).map(({ curl }) => ['Request', oneLine(curl)] as const),
      ...(expected === rule.sentence ? [] : [['Expected', oneLine(expected)] as const]),
      ['Got', oneLine(got)],
      ...(reason === undefined || reason === got ? [] : [['Reason', oneLine(reason)] as const]),
    ],
    paint,
  )

/** Places in which the same was got are shown once, with the first request. */
const groups = (findings: readonly Finding[]): Finding[][] => {
  const byGot = new Map<string, Finding[]>()
  for (const finding of findings) {
    const key = `${finding.expected}\n${finding.got}`
    byGot.set(key, [...(byGot.get(key) ?? []), finding])
  }
  return [...byGot.values()]
}

const ruleBlock = (findings: readonly Finding[], paint: Paint): string => {
  const [first] = findings
  if (!first) return ''
  const { id, level, sentence, source } = first.rule
  const all = groups(findings)
  const shown = all.slice(0, MAX_SHOWN).map(([example, ...same]) => {
    if (!example) return ''
    const also =
      same.length === 0
        ? []
        : [
            `  the same in ${count(same.length, 'more place')}:`,
            ...same.slice(0, MAX_SHOWN).map((one) => `    ${placeOf(one)}`),
            ...(same.length > MAX_SHOWN ? [`    … and ${same.length - MAX_SHOWN} more`] : []),
          ]
    return [`  ${paint('bold', placeOf(example))}`, indent(detail(example, paint), 4), ...also].join('\n')
  })
  return [
    `${paint(level === 'must' ? 'red' : 'yellow', level.padEnd(6))} ${paint('bold', id)}`,
    `  ${sentence}`,
    `  ${paint('dim', source)}`,
    ...shown,
    ...(all.length > MAX_SHOWN
      ? [`  … and ${all.length - MAX_SHOWN} more: --json or --html shows them all`]
      : []),
  ].join('\n')
}

const listOf = (items: readonly string[]): string => items.map((item) => `  ${oneLine(item)}`).join('\n')

/** How many names stand behind a reason. */
const SHOWN = 4

/** The first four of each, and how many more there are. */
const someOf = (names: readonly string[]): string => {
  const each = [...new Set(names)]
  return oneLine(
    `${each.slice(0, SHOWN).join(', ')}${each.length > SHOWN ? `, and ${each.length - SHOWN} more` : ''}`,
  )
}

/** Known differences, and what is unclear: each reason once, with what it is about. */
const byReason = (findings: readonly Finding[]): string =>
  [...Map.groupBy(findings, (finding) => finding.reason ?? finding.got)]
    .map(([reason, own]) => {
      // Of many, the rules say enough.
      const about = own.map(({ rule, subject }) =>
        own.length > SHOWN ? rule.id : `${rule.id} of ${subject}`,
      )
      return `  ${oneLine(reason)} (${count(own.length, 'time')})\n    ${someOf(about)}`
    })
    .join('\n')

const duration = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  return seconds < 90 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

const summaryLines = (report: Report, paint: Paint): string => {
  const counts = summarize(report)
  return LEVELS.flatMap((level) => {
    const own = counts[level]
    if (!own) return []
    const parts = [
      paint('green', `${own.kept} kept`),
      own.broken === 0 ? '0 broken' : paint(level === 'must' ? 'red' : 'yellow', `${own.broken} broken`),
      ...(own.known === 0 ? [] : [`${own.known} known`]),
      ...(own.unclear === 0 ? [] : [paint('yellow', `${own.unclear} unclear`)]),
    ]
    return [`  ${level.padEnd(7)} ${parts.join(', ')}`]
  }).join('\n')
}

const verdict = (report: Report, levels: readonly Level[], paint: Paint): string => {
  const broken = failures(report.findings, levels)
  const named = anyLevel(levels)
  if (report.interrupted) return paint('yellow', 'Interrupted: what is missing was not tried.')
  if (report.incomplete.length > 0) return paint('red', 'Not tried to its end: see above.')
  if (broken.length === 0) return paint('green', `Nothing is broken of level ${named}.`)
  const rules = byRule(broken).size
  return paint('red', `${count(broken.length, 'finding')} of level ${named}, of ${count(rules, 'rule')}.`)
}

/** What a person reads at the end of a run: what is wrong, then what else was found, and the summary last. */
export function textReport(report: Report, levels: readonly Level[], paint: Paint): string {
  const { findings, absent, stale, incomplete, removed, left } = report
  const of = (outcome: Finding['outcome']) => findings.filter((finding) => finding.outcome === outcome)
  const [broken, known, unclear] = [of('broken'), of('known'), of('unclear')]
  const heading = (text: string) => paint('bold', text)
  const kind = report.server === 'unknown' ? 'a kind of server that nothing is known about' : report.server
  const about = report.version === undefined ? kind : `${kind}, version ${report.version}`
  const sections = [
    `${heading(oneLine(report.origin))} (${oneLine(about)}), for ${report.profiles.join(', ')}`,
    ...LEVELS.flatMap((level) =>
      [...byRule(broken.filter(({ rule }) => rule.level === level)).values()].map((group) =>
        ruleBlock(group, paint),
      ),
    ),
    known.length > 0 &&
      `${heading('Known differences')} of ${report.server}: ${count(known.length, 'finding')}\n${byReason(known)}`,
    stale.length > 0 &&
      `${heading('Not true any more')}: known differences that this server does not show\n${listOf(
        stale.map(({ rule, subject, reason }) => `${rule}, ${subject}: ${reason}`),
      )}`,
    unclear.length > 0 &&
      `${heading('Not judged')}: ${count(unclear.length, 'expectation')} that could not be tried\n${byReason(unclear)}`,
    absent.length > 0 &&
      `${heading('Absent')}: ${count(absent.length, 'method or part', 'methods and parts')} that this server does not have, which is not a fault\n${indent(absent.map(oneLine).join('\n'), 2)}`,
    incomplete.length > 0 &&
      `${paint('red', 'Ended early')}\n${listOf(incomplete.map(({ area, reason }) => `${area}: ${reason}`))}`,
    removed.length > 0 && `${heading('Made and removed again')}\n${listOf(removed)}`,
    left.length > 0 && `${paint('red', 'Left on the server')}\n${listOf(left)}`,
    `${heading('Summary')}\n${summaryLines(report, paint)}\n  ${count(report.requests, 'request')} in ${duration(report.durationMs)}\n${verdict(report, levels, paint)}`,
  ]
  return sections.filter((section) => section !== false).join('\n\n')
}
