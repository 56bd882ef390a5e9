import type { Answer } from './ask.ts'
import type { Exchange, Finding, Outcome, Place, Rule } from './types.ts'

/** Collects the findings of a run. */
export interface Sink {
  add(
    rule: Rule,
    place: Place,
    outcome: Outcome,
    got: string,
    exchanges: readonly Exchange[],
    reason?: string,
  ): void
  /** What a rule for all answers found in one. Each problem is reported once for each subject, with its first answer. */
  observe(rule: Rule, subject: string, problems: readonly string[], answer: Answer): void
  all(): Finding[]
}

interface Observed {
  rule: Rule
  subject: string
  answers: number
  problems: Map<string, Exchange>
}

export function createSink(onFinding?: (finding: Finding) => void): Sink {
  const findings: Finding[] = []
  const observed = new Map<string, Observed>()
  const give = (finding: Finding): void => {
    findings.push(finding)
    onFinding?.(finding)
  }
  return {
    add(rule, place, outcome, got, exchanges, reason) {
      give({
        rule,
        subject: place.subject,
        case: place.case,
        outcome,
        expected: place.expected ?? rule.sentence,
        got,
        exchanges,
        ...(reason === undefined ? {} : { reason }),
      })
    },
    observe(rule, subject, problems, { exchange }) {
      const key = `${rule.id} ${subject}`
      const seen = observed.get(key) ?? { rule, subject, answers: 0, problems: new Map() }
      observed.set(key, seen)
      seen.answers += 1
      for (const problem of problems) {
        if (seen.problems.has(problem)) continue
        seen.problems.set(problem, exchange)
        give({
          rule,
          subject,
          case: 'any request',
          outcome: 'broken',
          expected: rule.sentence,
          got: problem,
          exchanges: [exchange],
        })
      }
    },
    all: () => [
      ...findings,
      ...[...observed.values()]
        .filter(({ problems }) => problems.size === 0)
        .map(({ rule, subject, answers }): Finding => ({
          rule,
          subject,
          case: 'any request',
          outcome: 'kept',
          expected: rule.sentence,
          got: `as expected in ${answers} answers`,
          exchanges: [],
        })),
    ],
  }
}
