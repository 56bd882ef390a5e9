import type { Answer } from './ask.ts'
import type { Exchange } from './exchange.ts'
import type { Finding, Outcome, Place, Rule } from './types.ts'

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
  problems: Set<string>
}

/** What is kept of a text that a server may have written. */
const MAX_TEXT_CHARS = 2000
/** Problems of one rule in one method that are reported: a server may find a new one for each answer. */
const MAX_PROBLEMS = 20

const short = (text: string): string =>
  text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)} …` : text

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
        got: short(got),
        exchanges,
        ...(reason === undefined ? {} : { reason: short(reason) }),
      })
    },
    observe(rule, subject, problems, { exchange }) {
      const key = `${rule.id} ${subject}`
      const seen = observed.get(key) ?? { rule, subject, answers: 0, problems: new Set() }
      observed.set(key, seen)
      seen.answers += 1
      for (const problem of problems) {
        const text = short(problem)
        if (seen.problems.has(text) || seen.problems.size === MAX_PROBLEMS) continue
        seen.problems.add(text)
        give({
          rule,
          subject,
          case: 'any request',
          outcome: 'broken',
          expected: rule.sentence,
          got: text,
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
