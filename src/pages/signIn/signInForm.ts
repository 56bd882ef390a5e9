import { html } from 'hono/html'
import { form } from '../parts/form.ts'
import type { Markup } from '../parts/layout.ts'
import { passkeyButton } from '../passkeys/passkeyButton.ts'
import { passkeyTexts } from '../passkeys/passkeyTexts.ts'
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

/** With `offers`, the browser offers its passkeys in the fields, too. */
const passwordFields = (visit: Visit, identifier: string, offers: boolean): Markup => {
  const { signIn: text } = visit.text
  const passkeys = offers ? ' webauthn' : ''
  return html`<div class="field">
      <label for="identifier">${text.identifier}</label>
      <input
        id="identifier"
        name="identifier"
        value="${identifier}"
        autocomplete="username${passkeys}"
        autocapitalize="none"
        spellcheck="false"
        required
      />
    </div>
    <div class="field">
      <label for="password">${text.password}</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="current-password${passkeys}"
        aria-describedby="address"
        required
        autofocus
      />
    </div>`
}

/**
 * The form for signing in: by the account password unless it is switched off, and by a passkey where there is one. Password
 * managers find its fields by `autocomplete`. With `asksForPasskey`, its page needs `script: true`.
 */
export const signInForm = (site: Site, visit: Visit, options: SignInForm): Markup => {
  const { text, signedIn } = visit
  const { to, hidden = {}, identifier, problem, isAgain = false } = options
  const { config, oauth } = site.account
  const remembered = isAgain && signedIn?.signIn.isRemembered
  const withPassword = oauth.passkeys.isPasswordEnabled()
  const asked = oauth.passkeys.signInOptions()
  return html`${
    problem !== undefined && html`<div class="note bad" role="alert" id="problem"><p>${problem}</p></div>`
  }${form(
    visit,
    { to, kind: 'sign in', hidden: { ...hidden, action: 'sign-in' } },
    html`${withPassword ? passwordFields(visit, identifier, asked !== undefined) : html`<p>${text.signIn.passwordOff}</p>`}
      <div class="check">
        <input id="remember" name="remember" type="checkbox" value="yes" ${remembered ? html`checked` : ''} />
        <label for="remember">${text.signIn.remember}</label>
      </div>
      ${
        withPassword &&
        html`<p class="soft small" id="address">${text.signIn.checkAddress(config.hostname)}</p>
          <p class="buttons"><button class="main">${text.signIn.button}</button></p>`
      }
      ${asked && passkeyButton(visit, { kind: 'get', options: asked, label: passkeyTexts(visit).signIn })}`,
  )}`
}

/** Whether the form for signing in asks the browser for a passkey. */
export const asksForPasskey = ({ account }: Site): boolean =>
  account.oauth.passkeys.signInOptions() !== undefined
