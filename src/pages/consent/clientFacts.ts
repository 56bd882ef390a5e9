import { html } from 'hono/html'
import type { PendingRequest } from '../../account/oauth/authorizations/types.ts'
import { claimed, MAX_CLIENT_ID, MAX_HOST } from '../parts/claimed.ts'
import type { Markup } from '../parts/layout.ts'
import type { Site, Visit } from '../visit.ts'

/** An address without its path: a host, or the scheme of an app. */
const placeOf = (uri: string): string => {
  const { host, protocol } = new URL(uri)
  return host === '' ? protocol : host
}

/** Who asks: the address, which is proved, before the name, which anybody can claim. */
export const clientFacts = (
  site: Site,
  { text }: Visit,
  { client, request }: Pick<PendingRequest, 'client' | 'request'>,
): Markup => {
  const { id, metadata } = client
  return html`<dl class="facts">
    <dt>${text.authorize.app}</dt>
    <dd>
      ${
        client.kind === 'loopback'
          ? html`<strong>${text.authorize.ownComputer}</strong>
              <details class="small">
                <summary>${text.authorize.details}</summary>
                <code>${claimed(id, MAX_CLIENT_ID)}</code>
              </details>`
          : html`<strong class="who">${claimed(placeOf(id), MAX_HOST)}</strong
              ><code class="soft">${claimed(id, 100)}</code>`
      }
    </dd>
    ${
      metadata.name !== undefined &&
      html`<dt>${text.authorize.claims}</dt>
        <dd>“${claimed(metadata.name)}”</dd>`
    }
    <dt>${text.authorize.account}</dt>
    <dd>@${site.account.handle}</dd>
    <dt>${text.authorize.goesTo}</dt>
    <dd>${claimed(placeOf(request.redirectUri), MAX_HOST)}</dd>
  </dl>`
}
