import { html } from 'hono/html'
import { policy, type State } from '../../policy.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { errorPage } from '../parts/errorPage.ts'
import { form } from '../parts/form.ts'
import { nameField } from '../parts/nameField.ts'
import { problemNote } from '../parts/problemNote.ts'
import { layout } from '../parts/layout.ts'
import { signInPage } from '../signIn/signInPage.ts'
import type { Site, Visit } from '../visit.ts'
import { isFresh } from './isFresh.ts'
import { nav } from './nav.ts'

const LIST = '/account/app-passwords'
/** As for the method: the first activation must not find an app password that was made before it. */
const STATES: readonly State[] = policy['com.atproto.server.createAppPassword'].who.session

const show = (site: Site, visit: Visit, problem?: string): Promise<Response> => {
  const { appPasswords: text } = visit.text
  return layout(site, visit, {
    title: text.title,
    status: problem === undefined ? 200 : 400,
    width: 'wide',
    nav: nav(visit, 'appPasswords'),
    body: html`<div class="card">
      ${problemNote(problem)}
      ${form(
        visit,
        { to: `${LIST}/new`, hidden: { action: 'create' } },
        html`${nameField(visit, text.name)}
          <div class="check">
            <input id="privileged" name="privileged" type="checkbox" value="yes" />
            <label for="privileged">${text.privileged}</label>
          </div>
          <p class="buttons"><button class="main">${text.create}</button></p>`,
      )}
    </div>`,
  })
}

const create = (site: Site, visit: Visit): Promise<Response> => {
  const { appPasswords: text } = visit.text
  const { name, password } = site.account.appPasswords.create({
    name: visit.form.get('name') ?? '',
    privileged: visit.form.get('privileged') === 'yes',
    by: 'owner',
  })
  return layout(site, visit, {
    title: text.title,
    width: 'wide',
    nav: nav(visit, 'appPasswords'),
    body: html`<div class="card">
      <p>${text.created(name)}</p>
      <code class="secret">${password}</code>
      <p>${text.once}</p>
      <p><a class="button main" href="${LIST}">${text.done}</a></p>
    </div>`,
  })
}

/** Instead of the page, where it is not to be had now. */
const instead = (site: Site, visit: Visit): Promise<Response> | undefined => {
  if (!isFresh(site, visit)) return signInPage.show(site, visit)
  if (STATES.includes(site.account.state())) return undefined
  const { appPasswords: text, back } = visit.text
  return errorPage(site, visit, { message: text.notNow, status: 403, to: { href: LIST, label: back } })
}

/** Creates an app password, for an owner who has signed in just now, and shows it this once. */
export const newAppPasswordPage = {
  show: (site: Site, visit: Visit): Promise<Response> => instead(site, visit) ?? show(site, visit),
  post: async (site: Site, visit: Visit): Promise<Response> => {
    const other = instead(site, visit)
    if (other) return await other
    try {
      return await create(site, visit)
    } catch (cause) {
      if (cause instanceof XrpcError) return await show(site, visit, visit.text.appPasswords.refused)
      throw cause
    }
  },
}
