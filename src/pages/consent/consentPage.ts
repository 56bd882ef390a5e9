import { html } from 'hono/html'
import { endOfGrant } from '../../account/oauth/grants/lifetimes.ts'
import type { PendingRequest } from '../../account/oauth/authorizations/types.ts'
import type { ClientAuth } from '../../account/oauth/clients/types.ts'
import { form } from '../parts/form.ts'
import { layout } from '../parts/layout.ts'
import type { Texts } from '../text/en.ts'
import type { Site, Visit } from '../visit.ts'
import { clientFacts } from './clientFacts.ts'
import { permissionList } from './permissionList.ts'

const DAY_MS = 24 * 3600_000

/** How long the access lasts, at the most or without being used. */
const lifetime = ({ consent }: Texts, auth: ClientAuth): string => {
  const days = Math.floor(endOfGrant({ auth, createdAt: 0 }, 0) / DAY_MS)
  return auth.method === 'none' ? consent.endsAfter(days) : consent.endsUnused(days)
}

/** What an app asks for, in words, with the two answers. What is not well known is said before. */
export const consentPage = (site: Site, visit: Visit, pending: PendingRequest): Promise<Response> => {
  const { text, url } = visit
  const { client, expanded, request } = pending
  const isKnown = site.account.oauth.grants.list().some(({ clientId }) => clientId === client.id)
  const warning =
    client.kind === 'loopback' ? text.consent.loopback : isKnown ? undefined : text.consent.unknown
  return layout(site, visit, {
    title: text.consent.title,
    leadsAway: true,
    body: html`<div class="card">
      ${clientFacts(site, visit, pending)}
      ${warning !== undefined && html`<div class="note warn"><p>${warning}</p></div>`}
      <h2>${text.consent.may}</h2>
      ${permissionList(visit, expanded)}
      <p class="soft small">${lifetime(text, request.auth)}</p>
      ${form(
        visit,
        { to: url.pathname + url.search },
        html`<div class="buttons">
          <button name="action" value="deny">${text.consent.deny}</button>
          <button name="action" value="approve" class="main">${text.consent.allow}</button>
        </div>`,
      )}
    </div>`,
  })
}
