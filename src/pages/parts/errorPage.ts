import { html } from 'hono/html'
import type { Site, Visit } from '../visit.ts'
import { layout } from './layout.ts'

/** What happened and what to do, with a link that goes on. */
export const errorPage = (
  site: Site,
  visit: Visit,
  { message, status, to }: { message: string; status: number; to?: { href: string; label: string } },
): Promise<Response> => {
  const { text } = visit
  const { href, label } = to ?? { href: '/account', label: text.back }
  return layout(site, visit, {
    title: text.error.title,
    status,
    body: html`<div class="card">
      <p>${message}</p>
      <p><a class="button" href="${href}">${label}</a></p>
    </div>`,
  })
}
