import { html } from 'hono/html'
import type { Markup } from '../parts/layout.ts'
import type { Visit } from '../visit.ts'
import { describeScope } from './describeScope.ts'

/** What a scope allows, in words: groups of lines, what is most at stake first. The exact names can be unfolded. */
export const permissionList = ({ language, text }: Visit, expanded: string): Markup => {
  const groups = describeScope(expanded, language)
  const details = groups.flatMap(({ lines }) => lines.flatMap((line) => line.details))
  return html`${groups.map(
    ({ kind, title, lines }) =>
      html`<div class="may ${kind}">
        <h3>${title}</h3>
        <ul>
          ${lines.map((line) => html`<li>${line.text}</li>`)}
        </ul>
      </div>`,
  )}${
    details.length > 0 &&
    html`<details class="small">
      <summary>${text.consent.exactly}</summary>
      <ul>
        ${details.map((name) => html`<li><code>${name}</code></li>`)}
      </ul>
    </details>`
  }`
}
