import { html } from 'hono/html'
import type { OAuthError } from '../../account/oauth/oauthError.ts'
import { visible } from '../parts/claimed.ts'
import { layout } from '../parts/layout.ts'
import type { Texts } from '../text/en.ts'
import type { Site, Visit } from '../visit.ts'

const messageOf = ({ authorize }: Texts, { code }: OAuthError): string => {
  if (code === 'temporarily_unavailable' || code === 'slow_down') return authorize.busy
  return code === 'invalid_client_metadata' || code === 'invalid_client'
    ? authorize.badClient
    : authorize.gone
}

/**
 * What is wrong with a request that nobody may be sent back with: until it is known whose it is, there is no address to
 * send anybody to. `error` is undefined where the address does not even name one.
 */
export const requestErrorPage = (
  site: Site,
  visit: Visit,
  error: OAuthError | undefined,
): Promise<Response> => {
  const { text } = visit
  const isBusy = error?.code === 'temporarily_unavailable' || error?.code === 'slow_down'
  return layout(site, visit, {
    title: text.error.title,
    status: isBusy ? 503 : 400,
    ...(error && { headers: error.headers }),
    body: html`<div class="card">
      <p>${error ? messageOf(text, error) : text.authorize.incomplete}</p>
      ${
        error &&
        html`<details>
          <summary>${text.authorize.details}</summary>
          <p lang="en">${visible(error.message, 500)}</p>
        </details>`
      }
    </div>`,
  })
}
