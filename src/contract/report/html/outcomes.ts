import type { Finding, Outcome } from '../../types.ts'
import { html, type Markup } from './markup.ts'

export const OUTCOMES: readonly Outcome[] = ['broken', 'known', 'unclear', 'kept']

/** Classes by which the filter finds what has something of an outcome. */
export const classesOf = (findings: readonly Finding[]): string =>
  OUTCOMES.filter((outcome) => findings.some((finding) => finding.outcome === outcome))
    .map((outcome) => `has-${outcome}`)
    .join(' ')

export const countOf = (findings: readonly Finding[], outcome: Outcome): number =>
  findings.filter((finding) => finding.outcome === outcome).length

/** How many there are of each outcome. */
export const badges = (findings: readonly Finding[]): Markup[] =>
  OUTCOMES.flatMap((outcome) => {
    const count = countOf(findings, outcome)
    return count === 0 ? [] : [html` <span class="badge ${outcome}">${count} ${outcome}</span>`]
  })
