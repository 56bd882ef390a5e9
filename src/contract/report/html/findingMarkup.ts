import type { Exchange } from '../../exchange.ts'
import type { Finding } from '../../types.ts'
import { html, type Markup } from './markup.ts'

/** Requests of one finding that the page has: a check ends with the answer that is wrong. */
const MAX_EXCHANGES = 4
const MAX_HEADERS = 30
const MAX_HEADER_CHARS = 400

/** How many characters of requests and answers a page may still take. */
export interface Budget {
  chars: number
}

const answerText = ({ status, headers, body }: Exchange): string => {
  if (status === undefined) return 'no answer'
  const lines = Object.entries(headers)
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => `${name}: ${value.slice(0, MAX_HEADER_CHARS)}`)
  return [`${status}`, ...lines, ...(body === '' ? [] : ['', body])].join('\n')
}

const exchangeMarkup = (exchange: Exchange): Markup =>
  html`<dt>Request</dt>
    <dd><pre>${exchange.curl}</pre></dd>
    <dt>Answer</dt>
    <dd><pre>${answerText(exchange)}</pre></dd>`

const sizeOf = ({ curl, body }: Exchange): number => curl.length + body.length + 1000

/** The exchanges for which there is room. */
const affordable = (exchanges: readonly Exchange[], budget: Budget): readonly Exchange[] => {
  const last = exchanges.slice(-MAX_EXCHANGES)
  const size = last.reduce((sum, exchange) => sum + sizeOf(exchange), 0)
  if (size > budget.chars) return []
  budget.chars -= size
  return last
}

/** One finding. What is as it should be is a line with its request; anything else is folded, with all that was asked. */
export function findingMarkup(finding: Finding, budget: Budget): Markup {
  const { outcome, case: name, expected, got, reason, exchanges, rule } = finding
  const sign = html`<span class="badge ${outcome}">${outcome}</span>`
  if (outcome === 'kept') {
    const curl = exchanges.at(-1)?.curl ?? ''
    const shown = curl.length < budget.chars && curl !== ''
    if (shown) budget.chars -= curl.length
    return html`<div class="finding plain is-kept">
      ${sign} ${name}${shown && html`<br /><code>${curl}</code>`}
    </div>`
  }
  const shown = affordable(exchanges, budget)
  return html`<details class="finding is-${outcome}">
    <summary>${sign} ${name}: ${got}</summary>
    <dl>
      ${
        expected !== rule.sentence &&
        html`<dt>Expected</dt>
          <dd>${expected}</dd>`
      }
      <dt>Got</dt>
      <dd>${got}</dd>
      ${
        reason !== undefined &&
        reason !== got &&
        html`<dt>Reason</dt>
          <dd>${reason}</dd>`
      }${shown.map(exchangeMarkup)}${
        exchanges.length > shown.length &&
        html`<dt>Requests</dt>
          <dd>${exchanges.length - shown.length} more, left out here</dd>`
      }
    </dl>
  </details>`
}
