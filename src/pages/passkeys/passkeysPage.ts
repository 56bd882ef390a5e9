import { html } from 'hono/html'
import { PasskeyError } from '../../account/oauth/passkeys/passkeyError.ts'
import type { Passkey } from '../../account/oauth/passkeys/types.ts'
import { isFresh } from '../account/isFresh.ts'
import { nav } from '../account/nav.ts'
import { visible } from '../parts/claimed.ts'
import { form } from '../parts/form.ts'
import { problemNote } from '../parts/problemNote.ts'
import { layout, type Markup } from '../parts/layout.ts'
import { when } from '../parts/when.ts'
import { withCode } from '../parts/withCode.ts'
import { signInPage } from '../signIn/signInPage.ts'
import type { Site, Visit } from '../visit.ts'
import { passkeyProblem } from './passkeyProblem.ts'
import { passkeyTexts } from './passkeyTexts.ts'

const PATH = '/account/passkeys'

const item = (
  visit: Visit,
  { id, name, backup, createdAt, lastUsedAt }: Passkey,
  isLast: boolean,
): Markup => {
  const { list: text } = passkeyTexts(visit)
  const shown = visible(name, 100)
  return html`<li class="item">
    <div>
      <strong>${shown}</strong>
      <p class="soft small">
        ${text.createdAt} ${when(visit, createdAt)},
        ${lastUsedAt === undefined ? text.neverUsed : html`${text.lastUsedAt} ${when(visit, lastUsedAt)}`}${
          backup && `; ${text.backup[backup]}`
        }
      </p>
      ${isLast && html`<p class="soft small">${text.last}</p>`}
      ${form(
        visit,
        { to: PATH, hidden: { action: 'rename', id } },
        html`<div class="field">
            <input
              name="name"
              maxlength="100"
              value="${name}"
              aria-label="${text.renameOf(shown)}"
              required
            />
          </div>
          <button>${text.rename}</button>`,
      )}
    </div>
    ${form(
      visit,
      { to: PATH, hidden: { action: 'remove', id } },
      html`<button class="end" aria-label="${text.removeOf(shown)}">${text.remove}</button>`,
    )}
  </li>`
}

const passwordCard = (site: Site, visit: Visit): Markup => {
  const { list: text } = passkeyTexts(visit)
  const { passkeys } = site.account.oauth
  const isOn = passkeys.isPasswordEnabled()
  const mayTurn = !isOn || passkeys.list().length > 0
  return html`<div class="card">
    <h2>${text.password}</h2>
    <p>${withCode(isOn ? text.passwordOn : text.passwordOff)}</p>
    ${
      mayTurn
        ? form(
            visit,
            { to: PATH, hidden: { action: isOn ? 'password-off' : 'password-on' } },
            html`<button>${isOn ? text.switchOff : text.switchOn}</button>`,
          )
        : html`<p class="soft">${text.needsPasskey}</p>`
    }
  </div>`
}

const show = (site: Site, visit: Visit, problem?: string): Promise<Response> => {
  const { list: text } = passkeyTexts(visit)
  const { passkeys } = site.account.oauth
  const all = passkeys.list()
  const isLast = all.length === 1 && !passkeys.isPasswordEnabled()
  return layout(site, visit, {
    title: text.title,
    status: problem === undefined ? 200 : 400,
    width: 'wide',
    nav: nav(visit, 'passkeys'),
    body: html`<div class="card">
        ${problemNote(problem)}
        <p>${withCode(text.intro)}</p>
        ${
          all.length === 0
            ? html`<p class="soft">${text.none}</p>`
            : html`<ul class="items">
                ${all.map((passkey) => item(visit, passkey, isLast))}
              </ul>`
        }
      </div>
      ${passwordCard(site, visit)}`,
  })
}

const change = ({ account }: Site, { form, signedIn }: Visit): void => {
  const { passkeys } = account.oauth
  const id = form.get('id') ?? ''
  switch (form.get('action')) {
    case 'rename':
      passkeys.rename(id, (form.get('name') ?? '').trim())
      return
    case 'remove':
      passkeys.remove(id, 'owner', signedIn?.signIn.id)
      return
    case 'password-on':
    case 'password-off':
      passkeys.setPasswordEnabled(form.get('action') === 'password-on', 'owner')
      return
    default:
      return
  }
}

/**
 * The passkeys, and whether the account password opens pages and sessions beside them. Only an owner who has signed in just
 * now may change either: a person who finds an open browser must not lock the owner out.
 */
export const passkeysPage = {
  show: (site: Site, visit: Visit): Promise<Response> => show(site, visit),
  post: async (site: Site, visit: Visit): Promise<Response> => {
    if (!isFresh(site, visit)) return await signInPage.show(site, visit)
    try {
      change(site, visit)
    } catch (cause) {
      if (!(cause instanceof PasskeyError)) throw cause
      return await show(site, visit, passkeyProblem(visit, cause))
    }
    return site.respond.redirect(PATH, visit.cookies)
  },
}
