import { html } from 'hono/html'
import { type NextStep, nextStep } from '../../account/oauth/authorizations/nextStep.ts'
import { OAuthError } from '../../account/oauth/oauthError.ts'
import type { PendingRequest } from '../../account/oauth/authorizations/types.ts'
import { isFresh } from '../account/isFresh.ts'
import { clientFacts } from '../consent/clientFacts.ts'
import { consentPage } from '../consent/consentPage.ts'
import { describeScope } from '../consent/describeScope.ts'
import { visible } from '../parts/claimed.ts'
import { form } from '../parts/form.ts'
import { layout } from '../parts/layout.ts'
import { asksForPasskey, signInForm } from '../signIn/signInForm.ts'
import { type SignInProblem, trySignIn } from '../signIn/trySignIn.ts'
import { asOfNow, inLanguage, type Site, type Visit } from '../visit.ts'
import { requestErrorPage } from './requestErrorPage.ts'
import { sendBack } from './sendBack.ts'

/** A request that waits for the owner, and the names of it that the address has. */
interface Asked {
  requestUri: string
  clientId: string
  pending: PendingRequest
}

/** Whether an app asks for an account that is not the owner's. */
const otherAccount = ({ account }: Site, { request }: PendingRequest): string | undefined => {
  const { did, handle, identityWatch } = account
  const hint = request.loginHint
  const own = [did, handle.toLowerCase(), identityWatch.last?.handle?.toLowerCase()]
  return hint === undefined || own.includes(hint) ? undefined : hint
}

/** Back to the app without an answer, for a browser that nobody has signed in in. */
const cancelForm = (visit: Visit) =>
  form(
    visit,
    { to: visit.url.pathname + visit.url.search, kind: 'sign in', hidden: { action: 'cancel' } },
    html`<p class="buttons"><button>${visit.text.authorize.cancel}</button></p>`,
  )

const otherAccountPage = (site: Site, visit: Visit, asked: string): Promise<Response> =>
  layout(site, visit, {
    title: visit.text.error.title,
    leadsAway: true,
    body: html`<div class="card">
      <p>${visit.text.authorize.otherAccount(visible(asked), site.account.handle)}</p>
      ${cancelForm(visit)}
    </div>`,
  })

const signInToApp = (
  site: Site,
  visit: Visit,
  pending: PendingRequest,
  problem?: SignInProblem,
): Promise<Response> => {
  const { text, url, signedIn } = visit
  return layout(site, visit, {
    title: text.signIn.title,
    status: problem?.status ?? 200,
    ...(problem?.headers && { headers: problem.headers }),
    script: asksForPasskey(site),
    leadsAway: true,
    body: html`<div class="card">
        ${clientFacts(site, visit, pending)}
        <p>${signedIn ? text.signIn.again : text.signIn.continueTo}</p>
        ${signInForm(site, visit, {
          to: url.pathname + url.search,
          identifier: pending.request.loginHint ?? site.account.handle,
          problem: problem?.message,
          isAgain: signedIn !== undefined,
        })}
      </div>
      ${cancelForm(visit)}`,
  })
}

/**
 * What the request needs next. Who finds an open browser must not give an app what is most at stake: for that the owner
 * has signed in just now.
 */
const stepOf = (site: Site, visit: Visit, pending: PendingRequest): NextStep => {
  const { did, handle } = site.account
  const next = nextStep(pending, { did, handle, signedInAt: visit.signedIn?.signIn.createdAt })
  const isAtStake = (): boolean =>
    describeScope(pending.expanded, visit.language).some(({ kind }) => kind === 'control')
  return next.step === 'consent' && !isFresh(site, visit) && isAtStake() ? { step: 'sign-in' } : next
}

/** Shows what the request needs: a sign-in, an answer of the owner, or nothing. */
const show = async (site: Site, visit: Visit, asked: Asked): Promise<Response> => {
  const { authorizations } = site.account.oauth
  const { requestUri, clientId, pending } = asked
  const next = stepOf(site, visit, pending)
  const other = otherAccount(site, pending)
  if (next.step === 'refuse')
    return await sendBack(site, visit, await authorizations.refuse(requestUri, clientId, next.error))
  if (other !== undefined) return await otherAccountPage(site, visit, other)
  if (next.step === 'sign-in') return await signInToApp(site, visit, pending)
  if (next.step === 'consent') return await consentPage(site, visit, pending)
  return await sendBack(site, visit, await authorizations.approve(requestUri, clientId))
}

/** The owner's answer. */
const take = async (site: Site, visit: Visit, asked: Asked): Promise<Response> => {
  const { authorizations } = site.account.oauth
  const { requestUri, clientId, pending } = asked
  const { url, form } = visit
  const again = (): Response => site.respond.redirect(url.pathname + url.search, visit.cookies)
  switch (form.get('action')) {
    case 'sign-in': {
      const problem = await trySignIn(site, visit)
      return problem ? await signInToApp(site, visit, pending, problem) : again()
    }
    case 'cancel':
    case 'deny':
      return await sendBack(site, visit, await authorizations.refuse(requestUri, clientId, 'access_denied'))
    case 'approve': {
      const { step } = stepOf(site, visit, pending)
      if (otherAccount(site, pending) !== undefined || (step !== 'consent' && step !== 'approve'))
        return again()
      return await sendBack(site, visit, await authorizations.approve(requestUri, clientId))
    }
    default:
      return again()
  }
}

/** `/oauth/authorize`: an app has sent the owner here, with a request that it pushed before. */
export const authorizePage = async (site: Site, visit: Visit): Promise<Response> => {
  const { searchParams } = visit.url
  const [requestUri, clientId] = [searchParams.get('request_uri'), searchParams.get('client_id')]
  if (!requestUri || !clientId) return await requestErrorPage(site, visit, undefined)
  try {
    const { authorizations } = site.account.oauth
    const pending = await authorizations.find(requestUri, clientId, visit.signedIn !== undefined)
    const localized = asOfNow(site, inLanguage(visit, pending.request.uiLocales))
    const asked = { requestUri, clientId, pending }
    return await (visit.request.method === 'POST' ? take : show)(site, localized, asked)
  } catch (cause) {
    if (cause instanceof OAuthError) return await requestErrorPage(site, visit, cause)
    throw cause
  }
}
