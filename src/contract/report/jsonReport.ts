import type { Exchange } from '../exchange.ts'
import type { Finding, Level, Report } from '../types.ts'
import { failures, summarize } from './summarize.ts'

/** More than this of a finding's requests says nothing more. */
const MAX_EXCHANGES = 10

const findingOf = ({ rule, exchanges, ...finding }: Finding) => ({
  rule: rule.id,
  level: rule.level,
  subject: finding.subject,
  case: finding.case,
  outcome: finding.outcome,
  expected: finding.expected,
  got: finding.got,
  ...(finding.reason === undefined ? {} : { reason: finding.reason }),
  // What is as it should be needs no evidence, which would make the file a hundred times as long.
  exchanges: finding.outcome === 'kept' ? [] : lastOf(exchanges),
})

/** The last ones: a check ends with the answer that is wrong. */
const lastOf = (exchanges: readonly Exchange[]): readonly Exchange[] => exchanges.slice(-MAX_EXCHANGES)

/** A run as data: docs/contract.md says what is in it. New members may come; those that are there stay. */
export const jsonReport = (report: Report, levels: readonly Level[], version: string) => {
  const { findings, profiles } = report
  const rules = [...new Map(findings.map(({ rule }) => [rule.id, rule])).values()]
  return {
    format: 1,
    tool: { name: 'pds-contract', version },
    ok: failures(findings, levels).length === 0 && !report.interrupted && report.incomplete.length === 0,
    origin: report.origin,
    server: report.server,
    ...(report.version === undefined ? {} : { version: report.version }),
    ...(report.did === undefined ? {} : { did: report.did }),
    startedAt: report.startedAt,
    durationMs: report.durationMs,
    requests: report.requests,
    profiles,
    levels,
    interrupted: report.interrupted,
    incomplete: report.incomplete,
    summary: summarize(report),
    rules: rules.map(({ id, sentence, level, source, profiles: of }) => ({
      id,
      sentence,
      level,
      source,
      profiles: of,
    })),
    findings: findings.map(findingOf),
    absent: report.absent,
    stale: report.stale,
    removed: report.removed,
    left: report.left,
  }
}
