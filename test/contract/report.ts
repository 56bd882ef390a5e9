import type { Finding } from './run.ts'

const lines = (method: string, findings: Finding[]): string[] => {
  const bad = findings.filter(({ ok }) => !ok)
  if (bad.length === 0) return [`ok    ${method} (${findings.length})`]
  return [
    `FAIL  ${method} (${bad.length} of ${findings.length})`,
    ...bad.flatMap((finding) => [
      `      ${finding.case}`,
      `        expected: ${finding.expected}`,
      `        got:      ${finding.got}`,
    ]),
  ]
}

/**
 * The findings for a person to read: one line for each method that keeps its contract, each case that does not, then the
 * totals.
 */
export function report(findings: Finding[]): string {
  const bad = findings.filter(({ ok }) => !ok).length
  return [
    ...[...Map.groupBy(findings, ({ method }) => method)].flatMap(([method, own]) => lines(method, own)),
    '',
    `${findings.length - bad} passed, ${bad} failed`,
  ].join('\n')
}
