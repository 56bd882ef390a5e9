import { html } from 'hono/html'
import { visible } from '../parts/claimed.ts'
import { form } from '../parts/form.ts'
import { layout } from '../parts/layout.ts'
import { when } from '../parts/when.ts'
import type { Site, Visit } from '../visit.ts'
import { nav } from './nav.ts'

const PATH = '/account/app-passwords'

/** The app passwords, of which only names are kept. Each can be revoked, which ends its sessions. */
const show = (site: Site, visit: Visit): Promise<Response> => {
  const { appPasswords: text } = visit.text
  const passwords = site.account.appPasswords.list()
  return layout(site, visit, {
    title: text.title,
    width: 'wide',
    nav: nav(visit, 'appPasswords'),
    body: html`<div class="card">
        <p>${text.intro}</p>
        <p><a class="button" href="${PATH}/new">${text.create}</a></p>
      </div>
      <div class="card">
        ${
          passwords.length === 0
            ? html`<p class="soft">${text.none}</p>`
            : html`<ul class="items">
                ${passwords.map(
                  ({ name, privileged, createdAt }) =>
                    html`<li class="item">
                      <div>
                        <strong>${visible(name, 100)}</strong>
                        ${privileged && html`<span class="soft">${text.privilegedTag}</span>`}
                        <p class="soft small">${text.createdAt} ${when(visit, createdAt)}</p>
                      </div>
                      ${form(
                        visit,
                        { to: PATH, hidden: { name } },
                        html`<button class="end" aria-label="${text.revokeOf(visible(name, 100))}">
                          ${text.revoke}
                        </button>`,
                      )}
                    </li>`,
                )}
              </ul>`
        }
      </div>`,
  })
}

export const appPasswordsPage = {
  show,
  post: ({ account, respond }: Site, { form, cookies }: Visit): Response => {
    account.appPasswords.revoke(form.get('name') ?? '', 'owner')
    return respond.redirect(PATH, cookies)
  },
}
