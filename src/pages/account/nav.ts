import { html } from 'hono/html'
import { form } from '../parts/form.ts'
import type { Markup } from '../parts/layout.ts'
import type { Visit } from '../visit.ts'

const PARTS = [
  ['overview', '/account'],
  ['apps', '/account/apps'],
  ['appPasswords', '/account/app-passwords'],
  ['passkeys', '/account/passkeys'],
  ['leaving', '/account/leaving'],
] as const

/** The parts of the account, as links, and signing out. */
export const nav = (visit: Visit, current: (typeof PARTS)[number][0]): Markup => {
  const { text } = visit
  return html`<nav aria-label="${text.nav.label}">
    <ul>
      ${PARTS.map(
        ([part, href]) =>
          html`<li>
            <a href="${href}" ${part === current ? html`aria-current="page"` : ''}>${text.nav[part]}</a>
          </li>`,
      )}
      <li class="last">
        ${form(visit, { to: '/account/sign-out' }, html`<button>${text.nav.signOut}</button>`)}
      </li>
    </ul>
  </nav>`
}
