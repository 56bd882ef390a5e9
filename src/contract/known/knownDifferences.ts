import type { Finding, StaleDifference } from '../types.ts'

/** One way in which a kind of server is known to differ, and why. */
export interface KnownDifference {
  readonly rule: string
  /** NSIDs or parts of the server, as a regular expression for all of it. All if absent. */
  readonly subject?: string
  /** Cases, the same. */
  readonly case?: string
  /** What was got, anywhere in it. */
  readonly got?: string
  /** Seen only by a run that writes: another one does not ask for it. */
  readonly write?: boolean
  readonly reason: string
}

/** What is known about one kind of server. */
export interface ServerKind {
  readonly name: string
  /** How it is recognized: texts of its front page (`/`), any of them. */
  readonly frontPage: readonly string[]
  /** The versions that the differences were seen with. */
  readonly versions: string
  readonly differences: readonly KnownDifference[]
}

const whole = (pattern: string | undefined, text: string): boolean =>
  pattern === undefined || new RegExp(`^(?:${pattern})$`).test(text)

const isAbout = (difference: KnownDifference, { rule, subject, case: name }: Finding): boolean =>
  difference.rule === rule.id && whole(difference.subject, subject) && whole(difference.case, name)

const explains = (difference: KnownDifference, finding: Finding): boolean =>
  isAbout(difference, finding) &&
  (difference.got === undefined || new RegExp(difference.got).test(finding.got))

/** A finding as a person wants to see it: known, if one of the differences explains it. */
export function explained(finding: Finding, differences: readonly KnownDifference[]): Finding {
  const difference =
    finding.outcome === 'broken' ? differences.find((one) => explains(one, finding)) : undefined
  return difference ? { ...finding, outcome: 'known', reason: difference.reason } : finding
}

/** Turns what is broken and explained into what is known, and says which explanations are not needed any more. */
export function applyKnown(
  findings: readonly Finding[],
  differences: readonly KnownDifference[],
  write = true,
): { findings: Finding[]; stale: StaleDifference[] } {
  const used = new Set<KnownDifference>()
  const judged = findings.map((finding): Finding => {
    if (finding.outcome !== 'broken') return finding
    const difference = differences.find((one) => explains(one, finding))
    if (!difference) return finding
    used.add(difference)
    return { ...finding, outcome: 'known', reason: difference.reason }
  })
  const stale = differences
    .filter(
      (one) => !used.has(one) && (write || !one.write) && findings.some((finding) => isAbout(one, finding)),
    )
    .map(({ rule, subject = 'everywhere', reason }) => ({ rule, subject, reason }))
  return { findings: judged, stale }
}
