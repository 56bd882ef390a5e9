import { html } from 'hono/html'
import { PasskeyError } from '../../account/oauth/passkeys/passkeyError.ts'
import { WebauthnError } from '../../webauthn/webauthnError.ts'
import { visible } from '../parts/claimed.ts'
import { form } from '../parts/form.ts'
import { nameField } from '../parts/nameField.ts'
import { problemNote } from '../parts/problemNote.ts'
import { layout } from '../parts/layout.ts'
import { withCode } from '../parts/withCode.ts'
import type { Site, Visit } from '../visit.ts'
import { passkeyButton, passkeyScript, sentAnswer } from './passkeyButton.ts'
import { passkeyProblem } from './passkeyProblem.ts'
import { passkeyTexts } from './passkeyTexts.ts'

const PATH = '/account/passkeys/register'
/** A person who has the link need not be signed in: these forms are bound to the browser, as the one for signing in. */
const OPEN = { to: PATH, kind: 'sign in' } as const
const ACTION = { action: 'sign-in' }

/** What a link opens. Its secret is behind the `#`: the script sends it as a form. */
const show = (site: Site, visit: Visit): Promise<Response> => {
  const text = passkeyTexts(visit)
  return layout(site, visit, {
    title: text.register.title,
    script: true,
    body: html`<div class="card">
      <p>${withCode(text.register.open)}</p>
      <noscript><p class="note">${text.needsScript}</p></noscript>
      ${form(
        visit,
        { ...OPEN, hidden: ACTION },
        html`<input type="hidden" name="link" data-link />
          <p class="buttons"><button>${text.register.next}</button></p>`,
      )}
      ${passkeyScript}
    </div>`,
  })
}

const ask = (site: Site, visit: Visit, link: string, problem?: string): Promise<Response> => {
  const text = passkeyTexts(visit)
  const { config, oauth } = site.account
  return layout(site, visit, {
    title: text.register.title,
    status: problem === undefined ? 200 : 400,
    script: true,
    body: html`<div class="card">
      ${problemNote(problem)}
      <p>${text.register.intro(config.hostname)}</p>
      ${form(
        visit,
        { ...OPEN, hidden: { ...ACTION, link } },
        html`${nameField(visit, text.register.name)}
        ${passkeyButton(visit, {
          kind: 'create',
          options: oauth.passkeys.registrationOptions(link),
          label: text.register.create,
        })}`,
      )}
    </div>`,
  })
}

const done = (site: Site, visit: Visit, name: string): Promise<Response> => {
  const text = passkeyTexts(visit).register
  return layout(site, visit, {
    title: text.title,
    script: true,
    body: html`<div class="card">
        <p>${text.done(visible(name, 100))}</p>
        <p><a class="button main" href="/account">${text.toAccount}</a></p>
      </div>
      ${passkeyScript}`,
  })
}

const gone = (site: Site, visit: Visit, message: string): Promise<Response> =>
  layout(site, visit, {
    title: passkeyTexts(visit).register.title,
    status: 403,
    script: true,
    body: html`${problemNote(withCode(message))} ${passkeyScript}`,
  })

const register = async (site: Site, visit: Visit): Promise<Response> => {
  const { passkeys } = site.account.oauth
  const link = visit.form.get('link') ?? ''
  const answer = sentAnswer(visit)
  if (answer === undefined) return await ask(site, visit, link)
  const name = (visit.form.get('name') ?? '').trim()
  try {
    return await done(site, visit, (await passkeys.register(link, name, answer)).name)
  } catch (cause) {
    if (cause instanceof PasskeyError && cause.code === 'LinkNotFound') throw cause
    return await ask(site, visit, link, passkeyProblem(visit, cause))
  }
}

/** Registers a passkey by a link of `pds passkey add`: the link is shown to be right first, then the browser is asked. */
export const registerPage = {
  show,
  post: async (site: Site, visit: Visit): Promise<Response> => {
    try {
      return await register(site, visit)
    } catch (cause) {
      if (cause instanceof PasskeyError || cause instanceof WebauthnError)
        return await gone(site, visit, passkeyProblem(visit, cause))
      throw cause
    }
  },
}
