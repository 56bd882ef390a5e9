import { ASSERTION_ALGS } from '../account/oauth/clients/readClientMetadata.ts'
import { DPOP_ALGS } from '../account/oauth/dpop/dpop.ts'
import type { Config } from '../config.ts'

/** The keys of the authorization server: none, since only this server reads its tokens. */
export const JWKS = { keys: [] } as const

/** What apps learn of this server as one that holds things (RFC 9728): who gives access to them. */
export const protectedResource = ({ origin }: Pick<Config, 'origin'>) => ({
  resource: origin,
  authorization_servers: [origin],
  scopes_supported: [],
  bearer_methods_supported: ['header'],
  resource_documentation: 'https://atproto.com',
})

/** What apps learn of this server as one that gives access (RFC 8414, and the atproto profile). */
export const authorizationServer = ({ origin }: Pick<Config, 'origin'>) => ({
  issuer: origin,
  protected_resources: [origin],
  authorization_endpoint: `${origin}/oauth/authorize`,
  token_endpoint: `${origin}/oauth/token`,
  pushed_authorization_request_endpoint: `${origin}/oauth/par`,
  revocation_endpoint: `${origin}/oauth/revoke`,
  jwks_uri: `${origin}/oauth/jwks`,
  scopes_supported: ['atproto', 'transition:email', 'transition:generic', 'transition:chat.bsky'],
  subject_types_supported: ['public'],
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  code_challenge_methods_supported: ['S256'],
  ui_locales_supported: ['en', 'de'],
  display_values_supported: ['page', 'popup', 'touch'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  authorization_response_iss_parameter_supported: true,
  require_pushed_authorization_requests: true,
  client_id_metadata_document_supported: true,
  require_request_uri_registration: true,
  request_uri_parameter_supported: true,
  request_parameter_supported: false,
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGS],
  revocation_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  revocation_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGS],
  dpop_signing_alg_values_supported: [...DPOP_ALGS],
})

/** A document that stays the same for long: apps and caches need not ask for it each time. */
export const cachedJson = (document: unknown): Response =>
  Response.json(document, { headers: { 'cache-control': 'max-age=300' } })
