import { html } from 'hono/html'
import { visible } from '../parts/claimed.ts'
import { layout, type Markup } from '../parts/layout.ts'
import { count, when } from '../parts/when.ts'
import { withCode } from '../parts/withCode.ts'
import type { Site, Visit } from '../visit.ts'
import { nav } from './nav.ts'

type Status = Awaited<ReturnType<Site['account']['status']>>

const MAX_ENTRIES = 8

const fact = (name: string, value: Markup | string): Markup =>
  html`<dt>${name}</dt>
    <dd>${value}</dd>`

/** Where the DID points, as far as the network could be asked. */
const pdsOf = ({ text }: Visit, { identity }: Status): Markup | string => {
  if (identity.error !== undefined)
    return html`${text.overview.unknown}: <span lang="en">${visible(identity.error, 300)}</span>`
  if (!identity.movedAway) return text.overview.here
  return visible(identity.pds ?? text.notSaid, 200)
}

const facts = (visit: Visit, status: Status): Markup => {
  const { overview: text } = visit.text
  const { blobs, backup, signIns } = status
  const state = status.state ?? ''
  return html`<dl class="facts">
    ${fact('DID', html`<code>${status.did}</code>`)} ${fact(text.state, text.states[state] ?? state)}
    ${fact(text.pds, pdsOf(visit, status))} ${fact(text.records, count(visit, status.repo.records))}
    ${fact(text.blobs, text.of(count(visit, blobs.stored), count(visit, blobs.expected)))}
    ${status.fencedUntil !== undefined && fact(text.fenced, when(visit, status.fencedUntil))}
    ${backup && fact(text.backup, backup.lastAt === undefined ? text.noBackup : when(visit, backup.lastAt))}
    ${signIns && signIns.failedInARow > 0 && fact(text.failedSignIns, count(visit, signIns.failedInARow))}
  </dl>`
}

const timesOf = (detail: unknown): number => {
  const times = Object(detail).times
  return typeof times === 'number' ? times : 1
}

/** Where the account stands: the same facts and the same next command as `pds status`. */
export const overviewPage = async (site: Site, visit: Visit): Promise<Response> => {
  const { text } = visit
  const status = await site.account.status()
  const warnings = status.warnings ?? []
  return layout(site, visit, {
    title: `@${status.handle}`,
    width: 'wide',
    nav: nav(visit, 'overview'),
    body: html`<section class="note">
        <h2>${text.overview.next}</h2>
        <p lang="en">${withCode(status.next)}</p>
      </section>
      ${
        warnings.length > 0 &&
        html`<section class="note warn">
          <h2>${text.overview.warnings}</h2>
          ${warnings.map(({ message }) => html`<p lang="en">${withCode(message)}</p>`)}
        </section>`
      }
      <section class="card">
        <h2>${text.overview.facts}</h2>
        ${facts(visit, status)}
        <p class="soft small">${withCode(text.overview.cli)}</p>
      </section>
      <section class="card">
        <h2>${text.overview.journal}</h2>
        <dl class="facts">
          ${status.journal.slice(0, MAX_ENTRIES).map(({ at, event, detail }) => {
            const times = timesOf(detail)
            return html`<dt>${when(visit, at)}</dt>
              <dd>
                ${text.overview.events[event] ?? html`<code>${event}</code>`}
                ${times > 1 && text.overview.times(times)}
              </dd>`
          })}
        </dl>
      </section>`,
  })
}
