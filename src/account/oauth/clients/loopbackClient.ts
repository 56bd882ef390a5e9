import { OAuthError } from '../oauthError.ts'
import type { ClientMetadata } from './types.ts'
import { isLoopback, redirectProblem } from './redirectProblem.ts'
import { readScope } from './readScope.ts'

const DEFAULT_REDIRECTS = ['http://127.0.0.1/', 'http://[::1]/']
const MAX_LENGTH = 4096

const invalid = (why: string) =>
  new OAuthError('invalid_client_metadata', `the client_id of a loopback client ${why}`)

const isLoopbackRedirect = (uri: string): boolean =>
  redirectProblem(uri, { isNative: true, host: 'localhost' }) === undefined && isLoopback(new URL(uri))

const LOOPBACK_ID = /^http:\/\/localhost\/?(?:\?([^#]*))?$/

/** Whether an id is that of a program in development on the owner's computer. */
export const isLoopbackId = (id: string): boolean => LOOPBACK_ID.test(id)

/**
 * The metadata of a program in development, which has no document: its id is `http://localhost`, with its scope and its
 * redirect URIs in the query. Undefined for the id of another client. Throws OAuthError.
 */
export const loopbackClient = (id: string): ClientMetadata | undefined => {
  const query = LOOPBACK_ID.exec(id)
  if (!query) return undefined
  if (id.length > MAX_LENGTH) throw invalid(`is longer than ${MAX_LENGTH} characters`)
  const params = new URLSearchParams(query[1] ?? '')
  for (const name of params.keys())
    if (name !== 'scope' && name !== 'redirect_uri')
      throw invalid(`has the parameter ${JSON.stringify(name)}: only scope and redirect_uri are known`)
  const scopes = params.getAll('scope')
  const scope = readScope(scopes[0] ?? 'atproto')
  if (scope === undefined || scopes.length > 1)
    throw invalid('must have one scope, with atproto among its values and each of them once')
  const redirectUris = params.getAll('redirect_uri')
  const wrong = redirectUris.find((uri) => !isLoopbackRedirect(uri))
  if (wrong !== undefined)
    throw invalid(`has the redirect_uri ${JSON.stringify(wrong)}, which is not http on 127.0.0.1 or [::1]`)
  return {
    scope,
    redirectUris: redirectUris.length > 0 ? redirectUris : DEFAULT_REDIRECTS,
    applicationType: 'native',
    authMethod: 'none',
    authAlg: undefined,
    jwks: undefined,
    jwksUri: undefined,
    name: undefined,
    uri: undefined,
  }
}
