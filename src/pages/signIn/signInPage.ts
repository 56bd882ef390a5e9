import { html } from 'hono/html'
import { layout } from '../parts/layout.ts'
import type { Site, Visit } from '../visit.ts'
import { asksForPasskey, signInForm } from './signInForm.ts'
import { type SignInProblem, trySignIn } from './trySignIn.ts'

/** Signing in to a page of the account. Afterwards the browser goes on to the same page. */
const show = (site: Site, visit: Visit, problem?: SignInProblem): Promise<Response> => {
  const { text, url, signedIn, form } = visit
  return layout(site, visit, {
    title: text.signIn.title,
    status: problem?.status ?? 200,
    ...(problem?.headers && { headers: problem.headers }),
    script: asksForPasskey(site),
    body: html`<div class="card">
      <p>${signedIn ? text.signIn.again : text.signIn.toAccount}</p>
      ${signInForm(site, visit, {
        to: url.pathname,
        identifier: form.get('identifier') ?? site.account.handle,
        problem: problem?.message,
        isAgain: signedIn !== undefined,
      })}
    </div>`,
  })
}

export const signInPage = {
  show: (site: Site, visit: Visit): Promise<Response> => show(site, visit),
  post: async (site: Site, visit: Visit): Promise<Response> => {
    const problem = await trySignIn(site, visit)
    return problem ? show(site, visit, problem) : site.respond.redirect(visit.url.pathname, visit.cookies)
  },
}
