import type { Finding } from '../../types.ts'
import { findingMarkup, type Budget } from './findingMarkup.ts'
import { html, type Markup } from './markup.ts'
import { badges, classesOf, OUTCOMES } from './outcomes.ts'

/** Findings of one rule that the page has. */
const MAX_FINDINGS = 300

/** A source as links and text. */
const source = (text: string): Markup[] =>
  text
    .split(/(https:\/\/[^\s;,:]+(?::[^\s;,:]+)*)/)
    .map((part) =>
      part.startsWith('https://') ? html`<a href="${part}" rel="noreferrer">${part}</a>` : html`${part}`,
    )

/** In the order in which the keys came. */
export const grouped = <T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] => {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups]
}

const order = ({ outcome }: Finding): number => OUTCOMES.indexOf(outcome)

/** A rule, folded unless something is broken: its source, and what was found in each method. */
export const ruleMarkup = (findings: readonly Finding[], budget: Budget): Markup => {
  const [first] = findings
  if (!first) return html``
  const { id, level, sentence, source: written, profiles } = first.rule
  // What is wrong comes first, and is not what is left out.
  const shown = findings.toSorted((a, b) => order(a) - order(b)).slice(0, MAX_FINDINGS)
  const isOpen = findings.some(({ outcome }) => outcome === 'broken')
  const subjects = grouped(shown, ({ subject }) => subject).map(
    ([subject, own]) =>
      html`<section class="subject ${classesOf(own)}">
        <h4>${subject}</h4>
        ${own.map((finding) => findingMarkup(finding, budget))}
      </section>`,
  )
  return html`<details class="rule ${classesOf(findings)}" ${isOpen && html` open`}>
    <summary>
      <span class="id">${id}</span> <span class="badge soft">${level}</span>${badges(findings)}<span
        class="sentence"
        >${sentence}</span
      >
    </summary>
    <p class="soft">For ${profiles.join(', ')}. Source: ${source(written)}</p>
    ${subjects}${
      findings.length > shown.length && html`<p class="soft">… and ${findings.length - shown.length} more</p>`
    }
  </details>`
}
