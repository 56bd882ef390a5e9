import { html } from 'hono/html'
import { XrpcError } from '../../xrpc/errors.ts'
import { form } from '../parts/form.ts'
import { layout } from '../parts/layout.ts'
import { signInPage } from '../signIn/signInPage.ts'
import type { Site, Visit } from '../visit.ts'
import { isFresh } from './isFresh.ts'
import { nav } from './nav.ts'

const LIST = '/account/app-passwords'

const show = (site: Site, visit: Visit, problem?: string): Promise<Response> => {
  const { appPasswords: text } = visit.text
  return layout(site, visit, {
    title: text.title,
    status: problem === undefined ? 200 : 400,
    width: 'wide',
    nav: nav(visit, 'appPasswords'),
    body: html`<div class="card">
      ${problem !== undefined && html`<div class="note bad" role="alert"><p>${problem}</p></div>`}
      ${form(
        visit,
        { to: `${LIST}/new`, hidden: { action: 'create' } },
        html`<div class="field">
            <label for="name">${text.name}</label>
            <input
              id="name"
              name="name"
              maxlength="100"
              value="${visit.form.get('name') ?? ''}"
              required
              autofocus
            />
          </div>
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

/** Creates an app password, for an owner who has signed in just now, and shows it this once. */
export const newAppPasswordPage = {
  show: (site: Site, visit: Visit): Promise<Response> =>
    isFresh(site, visit) ? show(site, visit) : signInPage.show(site, visit),
  post: async (site: Site, visit: Visit): Promise<Response> => {
    if (!isFresh(site, visit)) return signInPage.show(site, visit)
    try {
      return await create(site, visit)
    } catch (cause) {
      if (cause instanceof XrpcError) return await show(site, visit, visit.text.appPasswords.refused)
      throw cause
    }
  },
}
