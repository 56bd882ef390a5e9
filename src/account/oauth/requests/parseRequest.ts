import { isValidDid, isValidHandle } from '@atproto/syntax'
import { fromBase64url } from '../../../crypto/base64url.ts'
import { OAuthError } from '../oauthError.ts'
import { badParameter, oneOf, optional, required } from '../parameters.ts'
import type { Client, ClientAuth } from '../clients/types.ts'
import type { Scopes } from '../scopes/types.ts'
import type { AuthorizationRequest } from './types.ts'
import { isDeclaredRedirect } from '../clients/isDeclaredRedirect.ts'

/** What a request is checked against. */
export interface RequestContext {
  client: Client
  auth: ClientAuth
  /** The key of the request's DPoP proof, if it has one. */
  jkt: string | undefined
  scopes: Pick<Scopes, 'requested'>
}

/** What would change the meaning of the answer, and is not supported: it must not be ignored. */
const REFUSED = ['request', 'request_uri', 'claims', 'nonce', 'id_token_hint'] as const
const RESPONSE_MODES = ['query', 'fragment', 'form_post'] as const
const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const
/** It goes back to the client in a header, which may not be long. */
const MAX_STATE_LENGTH = 4096
const MAX_LOCALES = 10
/** SHA-256, base64url. */
const DIGEST_BYTES = 32

const digest = (name: string, value: string): string => {
  if (fromBase64url(value)?.byteLength !== DIGEST_BYTES)
    throw badParameter(name, 'expected a SHA-256 digest in base64url, 43 characters')
  return value
}

const codeChallenge = (params: ReadonlyMap<string, string>): string => {
  const challenge = required(params, 'code_challenge')
  // Without a method it would be `plain`, which shows the verifier to everyone who sees the request.
  if (params.get('code_challenge_method') !== 'S256')
    throw badParameter('code_challenge_method', 'expected S256')
  return digest('code_challenge', challenge)
}

const redirectUri = (params: ReadonlyMap<string, string>, { metadata, id }: Client): string => {
  const [only, ...others] = metadata.redirectUris
  const uri = optional(params, 'redirect_uri') ?? (others.length === 0 ? only : undefined)
  if (uri === undefined) throw badParameter('redirect_uri', 'is missing, and the client declares several')
  if (!isDeclaredRedirect(metadata, uri))
    throw badParameter('redirect_uri', `${uri.slice(0, 300)} is not one that ${id} declares`)
  return uri
}

const loginHint = (params: ReadonlyMap<string, string>): string | undefined => {
  const hint = optional(params, 'login_hint')?.toLowerCase()
  if (hint !== undefined && !isValidDid(hint) && !isValidHandle(hint))
    throw badParameter('login_hint', 'expected a handle or a DID')
  return hint
}

const dpopJkt = (params: ReadonlyMap<string, string>, ofProof: string | undefined): string | undefined => {
  const named = optional(params, 'dpop_jkt')
  if (named !== undefined) digest('dpop_jkt', named)
  if (named !== undefined && ofProof !== undefined && named !== ofProof)
    throw new OAuthError('invalid_dpop_proof', 'the proof is signed with another key than dpop_jkt names')
  return named ?? ofProof
}

/** The parameters of a pushed authorization request, checked. Those that are unknown are ignored (RFC 6749, section 3.1). */
export const parseRequest = (
  params: ReadonlyMap<string, string>,
  { client, auth, jkt, scopes }: RequestContext,
): AuthorizationRequest => {
  for (const name of REFUSED)
    if (params.has(name)) throw badParameter(name, 'is not supported: send the request without it')
  const responseType = required(params, 'response_type')
  if (responseType !== 'code')
    throw new OAuthError(
      'unsupported_response_type',
      `response_type: expected code, got "${responseType.slice(0, 100)}"`,
    )
  const state = optional(params, 'state')
  if (state !== undefined && state.length > MAX_STATE_LENGTH)
    throw badParameter('state', `may have at most ${MAX_STATE_LENGTH} characters`)
  const prompt = oneOf(params, 'prompt', PROMPTS)
  if (prompt === 'none' && auth.method === 'none')
    throw badParameter(
      'prompt',
      'none is for clients that prove who they are: anybody may send the id of this one',
    )
  return {
    clientId: client.id,
    auth,
    redirectUri: redirectUri(params, client),
    responseMode: oneOf(params, 'response_mode', RESPONSE_MODES) ?? 'query',
    state,
    scope: scopes.requested(params.get('scope') ?? '', client),
    codeChallenge: codeChallenge(params),
    loginHint: loginHint(params),
    prompt,
    uiLocales: (params.get('ui_locales') ?? '')
      .split(' ')
      .filter((tag) => /^[A-Za-z0-9-]{2,35}$/.test(tag))
      .slice(0, MAX_LOCALES),
    dpopJkt: dpopJkt(params, jkt),
  }
}
