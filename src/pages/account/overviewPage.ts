import { html } from 'hono/html'
import { layout } from '../parts/layout.ts'
import type { Site, Visit } from '../visit.ts'
import { nav } from './nav.ts'

/** Where the account stands: the same facts and the same next command as `pds status`. */
export const overviewPage = async (site: Site, visit: Visit): Promise<Response> => {
  const status = await site.account.status()
  return layout(site, visit, {
    title: `@${status.handle}`,
    width: 'wide',
    nav: nav(visit, 'overview'),
    body: html`<div class="card"><p lang="en">${status.next}</p></div>`,
  })
}
