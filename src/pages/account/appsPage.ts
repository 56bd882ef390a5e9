import { html } from 'hono/html'
import { isLoopbackId } from '../../account/oauth/clients/loopbackClient.ts'
import type { Grant } from '../../account/oauth/grants/types.ts'
import type { BrowserSignIn } from '../../account/oauth/signIns/types.ts'
import type { SessionInfo } from '../../account/auth/sessions/sessionRows.ts'
import { permissionList } from '../consent/permissionList.ts'
import { claimed, MAX_CLIENT_ID, MAX_HOST, visible } from '../parts/claimed.ts'
import { form } from '../parts/form.ts'
import { layout, type Markup } from '../parts/layout.ts'
import { programName } from '../parts/programName.ts'
import { when } from '../parts/when.ts'
import type { Site, Visit } from '../visit.ts'
import { nav } from './nav.ts'

const PATH = '/account/apps'
/** Entries of one list that the page has; the others are fewer clicks away by ending these. */
const MAX_LISTED = 100

/** One thing that can be ended. `what` names it to those who only hear its button. */
const item = (visit: Visit, what: string, hidden: Record<string, string>, body: Markup): Markup =>
  html`<li class="item">
    <div>${body}</div>
    ${form(
      visit,
      { to: PATH, hidden: { ...hidden, action: 'end' } },
      html`<button class="end" aria-label="${visit.text.apps.endOf(what)}">${visit.text.apps.end}</button>`,
    )}
  </li>`

const times = (visit: Visit, createdAt: number, lastUsedAt?: number, expiresAt?: number): Markup => {
  const { apps } = visit.text
  return html`<dt>${apps.since}</dt>
    <dd>${when(visit, createdAt)}</dd>
    ${
      lastUsedAt !== undefined &&
      html`<dt>${apps.lastUsed}</dt>
        <dd>${when(visit, lastUsedAt)}</dd>`
    }
    ${
      expiresAt !== undefined &&
      html`<dt>${apps.expires}</dt>
        <dd>${when(visit, expiresAt)}</dd>`
    }`
}

/** The host of an app's address; of a program on the owner's computer, that it is one and where it listens. */
const appOf = ({ text }: Visit, clientId: string): string => {
  if (!URL.canParse(clientId)) return visible(clientId, MAX_HOST)
  const { host, searchParams } = new URL(clientId)
  if (!isLoopbackId(clientId)) return visible(host, MAX_HOST)
  const redirect = searchParams.get('redirect_uri') ?? ''
  const { ownComputer } = text.authorize
  return URL.canParse(redirect) ? `${ownComputer} (${visible(new URL(redirect).host)})` : ownComputer
}

const grantItem = (visit: Visit, grant: Grant): Markup => {
  const { text } = visit
  const { clientId } = grant
  const app = appOf(visit, clientId)
  return item(
    visit,
    app,
    { kind: 'grant', id: grant.id },
    html`<strong class="who">${claimed(app, MAX_HOST)}</strong>
      <dl class="facts small">
        ${
          grant.clientName !== undefined &&
          html`<dt>${text.authorize.claims}</dt>
            <dd>“${claimed(grant.clientName)}”</dd>`
        }
        ${times(visit, grant.createdAt, grant.lastUsedAt, grant.expiresAt)}
      </dl>
      <details>
        <summary>${text.apps.may}</summary>
        <p class="small"><code>${claimed(clientId, MAX_CLIENT_ID)}</code></p>
        ${permissionList(visit, grant.expanded)}
      </details>`,
  )
}

const sessionItem = (visit: Visit, session: SessionInfo): Markup => {
  const { apps } = visit.text
  const client = programName(visit, session.client)
  const by = session.appPassword ? apps.byAppPassword(visible(session.appPassword.name)) : apps.byPassword
  return item(
    visit,
    client,
    { kind: 'session', id: session.id },
    html`<strong title="${session.client ?? ''}">${client}</strong>
      <dl class="facts small">
        <dt>${apps.by}</dt>
        <dd>${by}</dd>
        ${times(visit, session.createdAt, session.lastUsedAt)}
      </dl>`,
  )
}

const browserItem = (visit: Visit, signIn: BrowserSignIn): Markup => {
  const { apps } = visit.text
  const isHere = signIn.id === visit.signedIn?.signIn.id
  const client = programName(visit, signIn.client)
  const body = html`<strong title="${signIn.client ?? ''}"
      >${isHere ? `${apps.here}: ${client}` : client}</strong
    >
    <dl class="facts small">
      <dt>${apps.by}</dt>
      <dd>${signIn.via === 'passkey' ? apps.byPasskey : apps.byPassword}</dd>
      ${times(visit, signIn.createdAt, undefined, signIn.expiresAt)}
    </dl>`
  return isHere
    ? html`<li class="item"><div>${body}</div></li>`
    : item(visit, client, { kind: 'browser', id: signIn.id }, body)
}

const list = (title: string, empty: string, items: readonly Markup[]): Markup =>
  html`<section class="card">
    <h2>${title}</h2>
    ${
      items.length === 0
        ? html`<p class="soft">${empty}</p>`
        : html`<ul class="items">
            ${items.slice(0, MAX_LISTED)}
          </ul>`
    }
  </section>`

/** Who is signed in: apps with their grants, programs with their sessions, browsers. Each can be ended. */
const show = (site: Site, visit: Visit): Promise<Response> => {
  const { text } = visit
  const { oauth, sessions } = site.account
  return layout(site, visit, {
    title: text.apps.title,
    width: 'wide',
    nav: nav(visit, 'apps'),
    body: html`${list(
        text.apps.grants,
        text.apps.noGrants,
        oauth.grants.list().map((grant) => grantItem(visit, grant)),
      )}
      ${list(
        text.apps.sessions,
        text.apps.noSessions,
        sessions.list().map((session) => sessionItem(visit, session)),
      )}
      ${list(
        text.apps.browsers,
        '',
        oauth.browserSignIns.list().map((signIn) => browserItem(visit, signIn)),
      )}
      <p class="soft small">${text.apps.lastUsedNote}</p>
      <div class="card">
        <p>${text.apps.endAllText}</p>
        ${form(
          visit,
          { to: PATH, hidden: { action: 'end-all' } },
          html`<button class="end">${text.apps.endAll}</button>`,
        )}
      </div>`,
  })
}

/** What the journal has as the reason where the owner ends something on a page. */
const BY_OWNER = 'owner'

const end = ({ account }: Site, { form, signedIn }: Visit): void => {
  const { oauth, sessions } = account
  const id = form.get('id') ?? ''
  if (form.get('action') === 'end-all') {
    sessions.endAll(BY_OWNER, { browser: signedIn?.signIn.id })
  } else if (form.get('kind') === 'grant') oauth.grants.end(id)
  else if (form.get('kind') === 'session') sessions.end(id, BY_OWNER)
  else if (form.get('kind') === 'browser') oauth.browserSignIns.end(id)
}

export const appsPage = {
  show,
  post: (site: Site, visit: Visit): Response => {
    end(site, visit)
    return site.respond.redirect(PATH, visit.cookies)
  },
}
