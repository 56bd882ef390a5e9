import { html } from 'hono/html'
import { ASSETS } from '../../generated/assets.ts'
import type { PageOptions } from '../http/respond.ts'
import { LANGUAGES, TEXTS } from '../text/texts.ts'
import type { Site, Visit } from '../visit.ts'

export type Markup = ReturnType<typeof html>

export interface Layout extends PageOptions {
  title: string
  body: Markup
  /** Above the heading: the parts of the account. */
  nav?: Markup
  /** Wide for lists, narrow for a question. */
  width?: 'wide' | 'narrow'
  /** The browser loads the page again after so many seconds, without a script. */
  refreshS?: number
}

/** A cloud, in the style of a cirrus. */
const mark = html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <path d="M4 22h20a5 5 0 0 0 .6-9.96A8 8 0 0 0 9.3 11.1 5.5 5.5 0 0 0 4 22Zm3 3h15v2H7zm6 4h11v2H13z" />
</svg>`

/** The same page in another language. */
const languageLink = ({ url }: Visit, language: string): string => {
  const query = new URLSearchParams(url.search)
  query.set('lang', language)
  return `${url.pathname}?${query}`
}

/** A whole page: one heading, landmarks, and a way to the content that passes over the rest. */
export const layout = async (site: Site, visit: Visit, page: Layout): Promise<Response> => {
  const { text, language, cookies } = visit
  const { hostname } = site.account.config
  const { title, body, nav, width = 'narrow', refreshS, ...options } = page
  const markup = await html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · ${hostname}</title>
        <link rel="stylesheet" href="${ASSETS.style.path}" />
      </head>
      <body>
        <a class="skip" href="#content">${text.skip}</a>
        <header>
          <div class="${width}">
            <a class="brand" href="/account">${mark}<span>${hostname}</span></a>
            <ul class="languages" aria-label="${text.languages}">
              ${LANGUAGES.filter((other) => other !== language).map(
                (other) =>
                  html`<li>
                    <a href="${languageLink(visit, other)}" lang="${other}" hreflang="${other}"
                      >${TEXTS[other].language}</a
                    >
                  </li>`,
              )}
            </ul>
          </div>
        </header>
        <main id="content" class="${width}" tabindex="-1">
          ${nav}
          <h1>${title}</h1>
          ${body}
        </main>
        <footer>
          <div class="${width}"><span>${text.servedBy(hostname)}</span></div>
        </footer>
      </body>
    </html>`
  const headers = { ...options.headers, ...(refreshS !== undefined && { refresh: String(refreshS) }) }
  return site.respond.page(String(markup), { ...options, headers, cookies })
}
