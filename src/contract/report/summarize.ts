import type { Finding, Level, Outcome, Report } from '../types.ts'

export const LEVELS: readonly Level[] = ['must', 'should', 'house']

export type Counts = Readonly<Record<Outcome, number>>

/** How many expectations had which outcome, by level. Levels of which nothing was tried are left out. */
export const summarize = ({ findings }: Pick<Report, 'findings'>): Partial<Record<Level, Counts>> =>
  Object.fromEntries(
    LEVELS.flatMap((level) => {
      const own = findings.filter(({ rule }) => rule.level === level)
      const count = (outcome: Outcome) => own.filter((finding) => finding.outcome === outcome).length
      return own.length === 0
        ? []
        : [
            [
              level,
              {
                kept: count('kept'),
                broken: count('broken'),
                known: count('known'),
                unclear: count('unclear'),
              },
            ],
          ]
    }),
  )

/** Which levels fail a run: must always; house where it is asked for; should only where it is strict. */
export const failingLevels = ({ strict, house }: { strict: boolean; house: boolean }): readonly Level[] =>
  LEVELS.filter((level) => level === 'must' || (level === 'should' ? strict : house))

/** `must`, `must or should`, `must, should or house`. */
export const anyLevel = (levels: readonly Level[]): string =>
  [levels.slice(0, -1).join(', '), ...levels.slice(-1)].filter((text) => text !== '').join(' or ')

/** What a run fails by. */
export const failures = (findings: readonly Finding[], levels: readonly Level[]): Finding[] =>
  findings.filter(({ outcome, rule }) => outcome === 'broken' && levels.includes(rule.level))

/** Findings by rule, in the order in which the rules came; within a rule, those of one method together. */
export function byRule(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const group = groups.get(finding.rule.id)
    if (group) group.push(finding)
    else groups.set(finding.rule.id, [finding])
  }
  for (const [id, group] of groups)
    groups.set(
      id,
      group.toSorted((a, b) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0)),
    )
  return groups
}
