import { createHash } from 'node:crypto'
import type { Call } from '../call.ts'
import { clientCredentials } from '../clientCredentials.ts'
import { hashOf } from '../hashOf.ts'
import { OAuthError } from '../oauthError.ts'
import { optional, required } from '../parameters.ts'
import { authenticateFor } from './authenticateFor.ts'
import { grantOfCode } from './code.ts'
import type { GrantDeps } from './grantDeps.ts'
import type { GrantRow } from './grantRows.ts'
import type { TokenAnswer } from './issueTokens.ts'
import { renewGrant } from './renewGrant.ts'

/** A challenge is not taken again for this long: a client that knows its verifier could use another code that leaked. */
const CHALLENGE_MS = 24 * 3600_000

const invalid = (message: string): OAuthError => new OAuthError('invalid_grant', message)

/** RFC 7636, section 4.1. */
const isVerifier = (text: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(text)

/** Why the one who has a genuine code may not have its grant; undefined if they may. */
const misuse = (
  { grantRows, platform }: Pick<GrantDeps, 'grantRows' | 'platform'>,
  row: GrantRow,
  params: Call['params'],
  jkt: string,
): string | undefined => {
  if (params.get('client_id') !== row.clientId) return 'the code is of another client'
  if (params.get('redirect_uri') !== row.redirectUri)
    return 'redirect_uri: expected the one of the authorization request'
  const verifier = optional(params, 'code_verifier') ?? ''
  if (!isVerifier(verifier)) return 'code_verifier: expected 43 to 128 characters'
  if (createHash('sha256').update(verifier).digest('base64url') !== row.codeChallenge)
    return 'code_verifier: does not belong to the code_challenge of the authorization request'
  if (row.jkt !== undefined && row.jkt !== jkt)
    return 'the DPoP proof is signed with another key than the authorization request named'
  if (grantRows.hasChallenge(row.codeChallenge, row.id, platform.now() - CHALLENGE_MS))
    return 'code_challenge: was used before; make another one for each request'
  return undefined
}

/**
 * Exchanges a code for the first tokens of its grant, which binds them to the key of the proof. A code that is shown for
 * the second time, or by one who cannot have it, is in the wrong hands: its grant ends, with the tokens that it gave.
 */
export const exchangeCode = async (
  deps: GrantDeps,
  call: Pick<Call, 'params' | 'network'>,
  jkt: string,
): Promise<TokenAnswer> => {
  const { params } = call
  const { grantRows, endGrant } = deps
  const code = required(params, 'code')
  const id = grantOfCode(code) ?? ''
  /** The row of a genuine code. */
  const find = (): GrantRow | undefined => {
    const row = grantRows.read(id)
    return row?.code === hashOf(code) ? row : undefined
  }
  await authenticateFor(deps, clientCredentials(call, jkt), find())

  return await renewGrant(deps, { grant: id, done: 'oauth.afterExchange' }, (now) => {
    const row = find()
    if (!row) return invalid('code: is not valid, or its time is over')
    if (row.refresh !== undefined) {
      endGrant(row, 'code used twice')
      return invalid('code: was used before, and what it gave has ended')
    }
    if (row.expiresAt <= now) {
      grantRows.delete(id)
      return invalid('code: its time is over')
    }
    const problem = misuse(deps, row, params, jkt)
    if (problem !== undefined) {
      endGrant(row, 'code misused')
      return invalid(problem)
    }
    return { ...row, jkt }
  })
}
