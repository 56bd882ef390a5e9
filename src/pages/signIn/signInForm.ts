import { html } from 'hono/html'
import { form } from '../parts/form.ts'
import type { Markup } from '../parts/layout.ts'
import type { Site, Visit } from '../visit.ts'

export interface SignInForm {
  /** Where it is sent, and where the browser goes on. */
  to: string
  hidden?: Readonly<Record<string, string>>
  /** What the field for the handle has at first. */
  identifier: string
  /** Why the last try failed. */
  problem?: string | undefined
  /** The owner is signed in, and asked once more. */
  isAgain?: boolean
}

/** The form for the account password. Password managers find its fields by `autocomplete`. */
export const signInForm = (site: Site, visit: Visit, options: SignInForm): Markup => {
  const { text, signedIn } = visit
  const { to, hidden = {}, identifier, problem, isAgain = false } = options
  const { hostname } = site.account.config
  const remembered = isAgain && signedIn?.signIn.isRemembered
  return html`${
    problem !== undefined && html`<div class="note bad" role="alert" id="problem"><p>${problem}</p></div>`
  }${form(
    visit,
    { to, kind: 'sign in', hidden: { ...hidden, action: 'sign-in' } },
    html`<div class="field">
        <label for="identifier">${text.signIn.identifier}</label>
        <input
          id="identifier"
          name="identifier"
          value="${identifier}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
        />
      </div>
      <div class="field">
        <label for="password">${text.signIn.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          aria-describedby="address"
          required
          autofocus
        />
      </div>
      <div class="check">
        <input id="remember" name="remember" type="checkbox" value="yes" ${remembered ? html`checked` : ''} />
        <label for="remember">${text.signIn.remember}</label>
      </div>
      <p class="soft small" id="address">${text.signIn.checkAddress(hostname)}</p>
      <p class="buttons"><button class="main">${text.signIn.button}</button></p>`,
  )}`
}
