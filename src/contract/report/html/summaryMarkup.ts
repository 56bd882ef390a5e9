import type { Level, Report } from '../../types.ts'
import { anyLevel, byRule, failures, LEVELS, summarize } from '../summarize.ts'
import { html, type Markup } from './markup.ts'
import { OUTCOMES } from './outcomes.ts'

export const verdict = (report: Report, levels: readonly Level[]): Markup => {
  const broken = failures(report.findings, levels)
  const rules = byRule(broken).size
  if (report.interrupted)
    return html`<p class="verdict unclear">Interrupted: what is missing was not tried.</p>`
  if (report.incomplete.length > 0)
    return html`<p class="verdict broken">
      Not tried to its end: ${report.incomplete.map(({ area, reason }) => html`<br />${area}: ${reason}`)}
    </p>`
  return broken.length === 0
    ? html`<p class="verdict kept">Nothing is broken of level ${anyLevel(levels)}.</p>`
    : html`<p class="verdict broken">
        ${broken.length} ${broken.length === 1 ? 'finding' : 'findings'} of level ${anyLevel(levels)}, of
        ${rules} ${rules === 1 ? 'rule' : 'rules'}.
      </p>`
}

export const facts = (report: Report): Markup => {
  const rows = [
    ['Server', report.server === 'unknown' ? 'of a kind that nothing is known about' : report.server],
    ['Version', report.version],
    ['Account', report.did],
    ['Asked for', report.profiles.join(', ')],
    ['When', report.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['How long', `${report.requests} requests in ${Math.round(report.durationMs / 1000)} s`],
  ] as const
  return html`<dl class="facts">
    ${rows.flatMap(([name, value]) =>
      value === undefined
        ? []
        : [
            html`<div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
          ],
    )}
  </dl>`
}

export const summaryTable = (report: Report): Markup => {
  const summary = summarize(report)
  return html`<table>
    <thead>
      <tr>
        <th scope="col">Level</th>
        ${OUTCOMES.map((outcome) => html`<th scope="col">${outcome}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${LEVELS.flatMap((level) => {
        const counts = summary[level]
        if (!counts) return []
        const cells = OUTCOMES.map(
          (outcome) => html`<td class="${counts[outcome] === 0 ? 'zero' : outcome}">${counts[outcome]}</td>`,
        )
        return [
          html`<tr>
            <th scope="row">${level}</th>
            ${cells}
          </tr>`,
        ]
      })}
    </tbody>
  </table>`
}
