/** A run as one page for a browser, that needs nothing from elsewhere and runs no script. */
import type { Finding, Level, Report } from '../../types.ts'
import { byRule, LEVELS } from '../summarize.ts'
import type { Budget } from './findingMarkup.ts'
import { html, Markup } from './markup.ts'
import { badges, classesOf, countOf, OUTCOMES } from './outcomes.ts'
import { grouped, ruleMarkup } from './ruleMarkup.ts'
import { STYLE } from './style.ts'
import { facts, summaryTable, verdict } from './summaryMarkup.ts'

/** Of all requests and answers. A browser opens some megabytes at once. */
const MAX_EVIDENCE_CHARS = 3_000_000
/** Items of a list. */
const MAX_ITEMS = 300

const filter = (findings: readonly Finding[]): Markup => {
  const choice = (id: string, text: string, checked: boolean): Markup =>
    html`<label
      ><input type="radio" name="show" id="show-${id}" ${checked && html` checked`} /> ${text}</label
    >`
  return html`<fieldset>
    <legend>Show</legend>
    ${choice('all', `all ${findings.length}`, true)}${OUTCOMES.map((outcome) =>
      choice(outcome, `${outcome} ${countOf(findings, outcome)}`, false),
    )}
  </fieldset>`
}

const list = (title: string, text: string, items: readonly string[]): Markup =>
  items.length === 0
    ? html``
    : html`<section>
        <h2>${title}</h2>
        <p class="soft">${text}</p>
        <ul class="card">
          ${items.slice(0, MAX_ITEMS).map((item) => html`<li>${item}</li>`)}
        </ul>
      </section>`

/** Rules with something broken come first, those of level must before the others. */
const weight = (findings: readonly Finding[]): number => {
  const level = LEVELS.indexOf(findings[0]?.rule.level ?? 'house')
  return (countOf(findings, 'broken') > 0 ? 0 : LEVELS.length) + level
}

/** The page. It has a bounded size, and nothing that a server sent is anything but text in it. */
export function htmlReport(report: Report, levels: readonly Level[], version: string): string {
  const { origin, findings, absent, stale, removed, left } = report
  const budget: Budget = { chars: MAX_EVIDENCE_CHARS }
  const areas = grouped([...byRule(findings)], ([id]) => id.split('.')[0] ?? id).map(([area, rules]) => {
    const own = rules.flatMap(([, some]) => some)
    const sorted = rules.map(([, some]) => some).toSorted((a, b) => weight(a) - weight(b))
    return { area, own, sorted }
  })
  // What is broken gets the room first.
  const inOrder = areas.toSorted(
    (a, b) => Math.min(...a.sorted.map(weight)) - Math.min(...b.sorted.map(weight)),
  )
  const body = inOrder.map(
    ({ area, own, sorted }) =>
      html`<section class="area ${classesOf(own)}">
        <h3>${area}${badges(own)}</h3>
        ${sorted.map((some) => ruleMarkup(some, budget))}
      </section>`,
  )
  const { host } = new URL(origin)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        />
        <meta name="referrer" content="no-referrer" />
        <title>${host}: contract</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>${host}</h1>
          <p class="soft">
            What this AT Protocol server promises by the lexicons and the specifications, tried from the
            outside.
          </p>
          ${verdict(report, levels)}
          <div class="card">${facts(report)}${summaryTable(report)}</div>
        </header>
        <main>
          <h2>Rules</h2>
          ${filter(findings)} ${body}
          ${list('Left on the server', 'Made by this run, and not removed: remove it by hand.', left)}
          ${list('Absent', 'What this server does not have, which is not a fault.', absent)}
          ${list(
            'Not true any more',
            'Known differences that this server does not show.',
            stale.map(({ rule, subject, reason }) => `${rule}, ${subject}: ${reason}`),
          )}
          ${list('Made and removed again', 'By this run.', removed)}
        </main>
        <footer>
          <p>
            Made by pds-contract ${version}. must: a lexicon or a specification says so. should: clients in
            the field depend on it. house: what a Cirrus promises besides.
          </p>
        </footer>
      </body>
    </html> `
  return page.text
}
