import { isValidDid } from '@atproto/syntax'
import { newId } from '../../../crypto/newId.ts'
import type { SigningKey } from '../../../signing/keys.ts'
import { CREATE_ACCOUNT, type MigrationClaims } from '../../../signing/migrationToken.ts'
import type { SessionKind } from '../../../signing/sessionTokens.ts'
import { MAX_LIFETIME_S, MAX_LIFETIME_ANY_METHOD_S, UPLOAD_BLOB } from '../../../signing/serviceToken.ts'
import type { Platform } from '../../../platform.ts'
import { isReserved, mayHaveServiceToken } from '../../../policy.ts'
import { error, XrpcError } from '../../../xrpc/errors.ts'
import { docsLink } from '../../../docsLink.ts'
import type { GrantAccessClaims } from '../../../signing/grantTokens.ts'
import type { Journal } from '../../journal.ts'
import type { Sql } from '../../db/sql.ts'

/** Service-auth tokens: with them the account speaks to other services, and to the PDS that it moves to. */
export interface ServiceAuth {
  /**
   * Signs a token. `by` asks for it by getServiceAuth: a migration token gets one for createAccount only, an app
   * password none that opens more than it does. Without `by`, the policy has allowed it already.
   */
  sign(params: ServiceAuthParams, by?: ServiceAuthCaller): Promise<string>
}

export type ServiceAuthCaller =
  | { kind: 'session'; grants: SessionKind }
  | { kind: 'grant'; claims: Pick<GrantAccessClaims, 'grant'> }
  | { kind: 'token'; claims: MigrationClaims }

export interface ServiceAuthParams {
  aud: string
  /** Seconds since the epoch. */
  exp?: number
  lxm?: string
}

export interface ServiceAuthDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  signingKey: Pick<SigningKey, 'signServiceToken'>
  did: string
}

/** The lifetime of a token that is asked for without `exp`. */
const DEFAULT_LIFETIME_S = 60

const badExpiration = (message: string) => new XrpcError('BadExpiration', message)

const checkParams = ({ aud, lxm }: ServiceAuthParams): void => {
  const [did = '', service, ...rest] = aud.split('#')
  if (!isValidDid(did) || service === '' || rest.length > 0)
    throw error('InvalidRequest', `aud: expected a DID or did#service, got "${aud.slice(0, 200)}"`)
  if (lxm !== undefined && isReserved(lxm))
    throw error(
      'InvalidRequest',
      `lxm: ${lxm} manages the account itself and cannot be called by service auth`,
    )
}

/** What a session may ask for. */
const checkSession = (kind: SessionKind, { lxm }: ServiceAuthParams): void => {
  if (mayHaveServiceToken(kind, lxm)) return
  if (lxm === undefined)
    throw error('InvalidRequest', 'lxm: an app password gets tokens for one method each; name the method')
  const others = mayHaveServiceToken('appPasswordPrivileged', lxm) ? 'a privileged one, or with ' : ''
  throw error(
    'InvalidRequest',
    `lxm: this app password gets no token for ${lxm}; sign in with ${others}the account password`,
  )
}

/** What a migration token may ask for: a token for createAccount, and for its own target if it has one. */
const checkGrant = (by: MigrationClaims, { aud, lxm }: ServiceAuthParams): void => {
  if (lxm !== CREATE_ACCOUNT)
    throw error(
      'InvalidToken',
      `a migration token asks for lxm=${CREATE_ACCOUNT} only. ${docsLink('token-scope')}`,
    )
  if (by.target !== undefined && aud !== by.aud)
    throw error(
      'InvalidToken',
      `the migration token is for ${by.aud}, not for ${aud.slice(0, 200)}. ${docsLink('token-wrong-audience')}`,
    )
}

/** What the journal says of who asked. */
const callerName = (by: ServiceAuthCaller | undefined): string => {
  if (by?.kind === 'token') return `token ${by.claims.jti}`
  if (by?.kind === 'grant') return `grant ${by.claims.grant}`
  return by?.grants ?? 'session'
}

/** When the token expires, in seconds since the epoch: as asked, within the limits. */
const expiryOf = ({ exp, lxm }: ServiceAuthParams, now: number, by?: MigrationClaims): number => {
  const expires = exp ?? Math.min(now + DEFAULT_LIFETIME_S, by?.exp ?? Infinity)
  if (expires <= now) throw badExpiration(`exp: ${expires} is in the past (it is ${now})`)
  const most = lxm === undefined ? MAX_LIFETIME_ANY_METHOD_S : MAX_LIFETIME_S
  if (expires > now + most)
    throw badExpiration(
      lxm === undefined
        ? `exp: a token without lxm lives ${most} seconds at most`
        : `exp: a token lives ${most} seconds at most`,
    )
  if (by && expires > by.exp)
    throw badExpiration(`exp: at most ${by.exp}, when the migration token that asks expires`)
  return expires
}

export const createServiceAuth = (deps: ServiceAuthDeps): ServiceAuth => {
  const { sql, platform, journal, signingKey, did } = deps
  return {
    sign: async (params, by) => {
      const { aud, lxm } = params
      checkParams(params)
      const token = by?.kind === 'token' ? by.claims : undefined
      if (token) checkGrant(token, params)
      if (by?.kind === 'session') checkSession(by.grants, params)
      if (by?.kind === 'grant' && lxm === undefined)
        throw error('InvalidRequest', 'lxm: an app gets tokens for one method each; name the method')
      const now = Math.floor(platform.now() / 1000)
      const exp = expiryOf(params, now, token)
      const jti = newId(platform.random)
      // With this token another PDS takes the account in: it can do as much as a migration token, so it is journaled too,
      // in any case of the name, as some servers route methods so.
      if (lxm?.toLowerCase() === CREATE_ACCOUNT.toLowerCase())
        sql.transaction(() =>
          journal.append('service-token', {
            aud,
            lxm,
            exp,
            by: callerName(by),
          }),
        )
      return await signingKey.signServiceToken({
        iss: did,
        aud,
        iat: now,
        exp,
        ...(lxm !== undefined && { lxm }),
        jti,
        // It comes back to this server, and ends with the grant.
        grant: by?.kind === 'grant' && lxm === UPLOAD_BLOB ? by.claims.grant : undefined,
      })
    },
  }
}
