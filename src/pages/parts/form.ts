import { html } from 'hono/html'
import { lineageOf } from '../../account/oauth/signIns/browserSignIns.ts'
import { formToken } from '../http/formTokens.ts'
import type { Visit } from '../visit.ts'
import type { Markup } from './layout.ts'

/** What a form of this visit is bound to. Undefined for one of a browser that is signed in while this one is not. */
export const tokenOf = ({ signedIn, browser }: Visit, kind: 'signed in' | 'sign in'): string | undefined => {
  if (kind === 'sign in') return formToken({ browser })
  const lineage = signedIn && lineageOf(signedIn.secret)
  return lineage === undefined ? undefined : formToken({ lineage })
}

export interface FormOptions {
  /** The address that the form is sent to. */
  to: string
  /** Sign in: a form for a browser that is not signed in yet. */
  kind?: 'signed in' | 'sign in'
  /** Fields that are not shown. */
  hidden?: Readonly<Record<string, string>>
}

/** A form with the token that only this browser has. */
export const form = (
  visit: Visit,
  { to, kind = 'signed in', hidden = {} }: FormOptions,
  body: Markup,
): Markup =>
  html`<form method="post" action="${to}">
    <input type="hidden" name="token" value="${tokenOf(visit, kind) ?? ''}" />
    ${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    ${body}
  </form>`
