import type { JwkAlg } from '../../../crypto/publicJwk.ts'
import { isObject, type JsonObject } from '../../../isObject.ts'
import { checkUrl, OutboundError } from '../../../outbound.ts'
import { OAuthError } from '../oauthError.ts'
import type { ClientMetadata } from './types.ts'
import { readJwks } from './readJwks.ts'
import { readScope } from './readScope.ts'
import { redirectProblem } from './redirectProblem.ts'

/** For `token_endpoint_auth_signing_alg_values_supported`. */
export const ASSERTION_ALGS = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256'] as const satisfies JwkAlg[]

const MAX_REDIRECTS = 100
const MAX_NAME_LENGTH = 100
/** What is kept of a document, as JSON. */
const MAX_KEPT = 64 * 1024
const GRANT_TYPES = ['authorization_code', 'refresh_token']
/** A client that declares one of these counts on something that is not done here. */
const UNSUPPORTED = [
  'authorization_details_types',
  'authorization_encrypted_response_alg',
  'authorization_encrypted_response_enc',
  'default_max_age',
  'id_token_signed_response_alg',
  'userinfo_encrypted_response_alg',
  'userinfo_signed_response_alg',
]

const invalid = (why: string) =>
  new OAuthError('invalid_client_metadata', `the client's metadata was refused: ${why}`)

const strings = (document: JsonObject, name: string, absent?: string[]): string[] => {
  const value = document[name] ?? absent
  if (!Array.isArray(value) || value.length === 0 || !value.every((it) => typeof it === 'string'))
    throw invalid(`${name} must be a list of strings`)
  return value
}

const checkProtocol = (document: JsonObject): void => {
  if (document.dpop_bound_access_tokens !== true) throw invalid('dpop_bound_access_tokens must be true')
  if (!strings(document, 'response_types', ['code']).includes('code'))
    throw invalid('response_types must include code')
  const grantTypes = strings(document, 'grant_types', ['authorization_code'])
  if (!grantTypes.includes('authorization_code') || grantTypes.some((type) => !GRANT_TYPES.includes(type)))
    throw invalid('grant_types must be authorization_code and refresh_token')
  if (document.subject_type !== undefined && document.subject_type !== 'public')
    throw invalid('subject_type must be public')
  if (document.tls_client_certificate_bound_access_tokens === true)
    throw invalid('tls_client_certificate_bound_access_tokens is not supported')
  for (const name of UNSUPPORTED) if (document[name] != null) throw invalid(`${name} is not supported`)
}

const isFetchable = (url: string, dev: boolean): boolean => {
  try {
    return checkUrl(url, { dev }).href !== ''
  } catch (cause) {
    if (cause instanceof OutboundError) return false
    throw cause
  }
}

type Auth = Pick<ClientMetadata, 'authMethod' | 'authAlg' | 'jwks' | 'jwksUri'>

const readAuth = (document: JsonObject, isNative: boolean, dev: boolean): Auth => {
  const { jwks, jwks_uri: jwksUri, token_endpoint_auth_signing_alg: declared } = document
  const method = document.token_endpoint_auth_method
  if (jwks !== undefined && jwksUri !== undefined) throw invalid('it has both jwks and jwks_uri')
  if (method === 'none') {
    if (declared !== undefined)
      throw invalid('token_endpoint_auth_signing_alg is for the token_endpoint_auth_method private_key_jwt')
    return { authMethod: 'none', authAlg: undefined, jwks: undefined, jwksUri: undefined }
  }
  if (method !== 'private_key_jwt')
    throw invalid('token_endpoint_auth_method must be none or private_key_jwt, and there is no default')
  if (isNative) throw invalid('a native client cannot keep a key secret: its method must be none')
  const authAlg = ASSERTION_ALGS.find((alg) => alg === declared)
  if (!authAlg) throw invalid(`token_endpoint_auth_signing_alg must be one of ${ASSERTION_ALGS.join(', ')}`)
  if (jwksUri === undefined) {
    const keys = readJwks(jwks, authAlg) ?? []
    if (keys.length === 0) throw invalid(`jwks has no public key for ${authAlg} with a kid`)
    return { authMethod: method, authAlg, jwks: { keys }, jwksUri: undefined }
  }
  if (typeof jwksUri !== 'string' || !isFetchable(jwksUri, dev))
    throw invalid('jwks_uri must be https on a public name')
  return { authMethod: method, authAlg, jwks: undefined, jwksUri }
}

const readRedirects = (document: JsonObject, isNative: boolean, { hostname: host }: URL): string[] => {
  const uris = strings(document, 'redirect_uris')
  if (uris.length > MAX_REDIRECTS) throw invalid(`redirect_uris has more than ${MAX_REDIRECTS} values`)
  for (const uri of uris) {
    const problem = redirectProblem(uri, { isNative, host })
    if (problem !== undefined)
      throw invalid(`the redirect URI ${JSON.stringify(uri.slice(0, 200))} ${problem}`)
  }
  return uris
}

/** The client's page: on the origin of its id, at a path that the id's begins with. */
const readUri = (uri: unknown, id: URL): string | undefined => {
  if (uri === undefined) return undefined
  if (typeof uri !== 'string' || !URL.canParse(uri)) throw invalid('client_uri must be a URL')
  const url = new URL(uri)
  if (url.origin !== id.origin || url.username || url.password)
    throw invalid('client_uri must have the origin of the client_id')
  if (!`${id.pathname}/`.startsWith(url.pathname.replace(/\/?$/, '/')))
    throw invalid('client_uri must be above the client_id')
  return url.href
}

/** One line of text, without what changes how the text around it reads: it is only ever shown beside the client's id. */
const readName = (name: unknown): string | undefined => {
  if (name === undefined) return undefined
  if (typeof name !== 'string') throw invalid('client_name must be a string')
  const line = name
    .slice(0, 4 * MAX_NAME_LENGTH)
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
  // Not half of a character.
  return (
    line
      .slice(0, MAX_NAME_LENGTH)
      .replace(/[\ud800-\udbff]$/, '')
      .trimEnd() || undefined
  )
}

/** Checks a client's metadata document by the rules of the atproto OAuth profile. Throws OAuthError. */
export const readClientMetadata = (document: unknown, id: URL, { dev }: { dev: boolean }): ClientMetadata => {
  if (!isObject(document)) throw invalid('it is not a JSON object')
  if (document.client_id !== id.href) throw invalid(`its client_id is not ${id.href}, where it was found`)
  const scope = readScope(document.scope)
  if (scope === undefined) throw invalid('scope must be a string with atproto in it, and each scope once')
  const { application_type: applicationType = 'web' } = document
  if (applicationType !== 'web' && applicationType !== 'native')
    throw invalid('application_type must be web or native')
  const isNative = applicationType === 'native'
  checkProtocol(document)
  const metadata = {
    scope,
    redirectUris: readRedirects(document, isNative, id),
    applicationType,
    ...readAuth(document, isNative, dev),
    name: readName(document.client_name),
    uri: readUri(document.client_uri, id),
  } satisfies ClientMetadata
  if (JSON.stringify(metadata).length > MAX_KEPT)
    throw invalid(`it has more than ${MAX_KEPT / 1024} KB of it`)
  return metadata
}
