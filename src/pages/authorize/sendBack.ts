import { html } from 'hono/html'
import type { Redirection } from '../../account/oauth/authorizations/types.ts'
import { layout } from '../parts/layout.ts'
import type { Site, Visit } from '../visit.ts'

const withQuery = (uri: string, query: string): string => `${uri}${uri.includes('?') ? '&' : '?'}${query}`

/**
 * Sends the browser back to the app, with the answer. The address is one that the app has registered: nothing of a visit is
 * ever a part of it.
 */
export const sendBack = async (
  site: Site,
  visit: Visit,
  { uri, mode, params }: Redirection,
): Promise<Response> => {
  const { text, cookies } = visit
  const query = new URLSearchParams(params).toString()
  if (mode === 'query') return site.respond.redirect(withQuery(uri, query), cookies)
  if (mode === 'fragment') return site.respond.redirect(`${uri}#${query}`, cookies)
  return await layout(site, visit, {
    title: text.authorize.formPost,
    leadsAway: true,
    body: html`<div class="card">
      <p>${text.authorize.formPostText}</p>
      <form method="post" action="${uri}">
        ${Object.entries(params).map(
          ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
        )}
        <p class="buttons"><button class="main" autofocus>${text.authorize.formPost}</button></p>
      </form>
    </div>`,
  })
}
