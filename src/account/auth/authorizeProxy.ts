import { proxying } from '../../policy.ts'
import { error } from '../../xrpc/errors.ts'
import type { AuthorizeBy } from './authorize.ts'
import { requireScopes } from './requireScopes.ts'
import type { ServiceAuth } from './tokens/serviceAuth.ts'

export interface AuthorizeProxyDeps {
  authorizeBy: AuthorizeBy
  serviceAuth: Pick<ServiceAuth, 'sign'>
  /** The revision of the repository. */
  head(): string | undefined
}

/**
 * Lets a request through that the Worker would forward, and signs a service token for it. The question has the
 * credential of the caller, and in its query `lxm`, the method that was called, `aud`, the DID that the token is for, without
 * which none is signed, and `service`, what the request is for (`did#service`). The answer says which revision the
 * repository has.
 */
export type AuthorizeProxy = (question: Request) => Promise<{ token?: string; head?: string }>

export const createAuthorizeProxy =
  ({ authorizeBy, serviceAuth, head }: AuthorizeProxyDeps): AuthorizeProxy =>
  async (question) => {
    const { searchParams } = new URL(question.url)
    const id = searchParams.get('lxm') ?? ''
    const aud = searchParams.get('aud')
    const rule = proxying(id)
    if (!rule.forward) throw error('InvalidToken', `${id} is never forwarded`)
    const { auth, act } = await authorizeBy({ id, rule }, question)
    const service = searchParams.get('service')
    if (service !== null)
      requireScopes(
        auth,
        [...new Set([id, rule.lxm])].map((lxm) => ({ resource: 'rpc', lxm, aud: service })),
      )
    if (aud === null) return act(() => ({}))
    if (service === null) throw new Error('a token is signed for a service that was asked about')
    return { token: await act(() => serviceAuth.sign({ aud, lxm: rule.lxm })), head: head() }
  }
