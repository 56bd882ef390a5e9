/** Who is calling, and whether the policy lets them. */
import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import {
  isScope,
  MIGRATION_TYP,
  type MigrationClaims,
  parseScope,
  type Scope,
  verifyMigrationToken,
} from '../../signing/migrationToken.ts'
import { equalSecret, parseBasic } from '../../crypto/password.ts'
import type { Secret } from '../../crypto/secret.ts'
import type { RefreshClaims, SessionClaims, SessionTokens } from '../../signing/sessionTokens.ts'
import type { MethodId } from '../../generated/methods.ts'
import type { Platform } from '../../platform.ts'
import { type CredentialKind, policy, type Rule, type State } from '../../policy.ts'
import { error } from '../../xrpc/errors.ts'
import { refuse } from './refuse.ts'
import { docsLink, type Topic } from '../../docsLink.ts'
import type { CreateAccountToken } from './createAccountToken.ts'
import type { Journal } from '../journal.ts'
import type { RateLimits } from './rateLimits.ts'
import type { Sessions } from './sessions.ts'
import type { Sql } from '../db/sql.ts'

/** One kind of credential for each scope, so that a handler's type holds only those the policy names. */
type TokenCredential = {
  [S in Scope]: { kind: 'token'; grants: S; claims: MigrationClaims; raw: string }
}[Scope]

/** A caller whose credential was verified. `grants` is the kind by which the policy let it through. */
export type Credential =
  | { kind: 'anyone'; grants: 'anyone' }
  | { kind: 'session'; grants: 'session'; claims: SessionClaims }
  | { kind: 'refresh'; grants: 'refresh'; claims: RefreshClaims }
  | { kind: 'admin'; grants: 'admin' }
  /** The account's own DID asks for the account: `id` names this one token, and is no secret. */
  | { kind: 'service'; grants: 'service'; iss: string; aud: string; id: string }
  | TokenCredential

export interface AuthDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
  serviceDid: string
  /** did:key of our own signing key: migration tokens are ours, whatever the DID document says by now. */
  signingKey: string
  adminPassword: Secret
  tokens: SessionTokens
  sessions: Sessions
  rate: RateLimits
  journal: Journal
  /** Milliseconds; see the account's row. */
  tokensNotBefore(): number
  state(): State
  /** Verifies a token by which the account's own DID asks this server to take it in. */
  verifyIncoming(token: string): Promise<CreateAccountToken>
}

export type Authorize = (id: MethodId, request: Request) => Promise<Credential>

/** What a request carries, verified; a migration token may open several things. */
type Presented =
  | Exclude<Credential, TokenCredential>
  | { kind: 'token'; claims: MigrationClaims; raw: string }

const kindsOf = (presented: Presented): CredentialKind[] =>
  presented.kind === 'token' ? parseScope(presented.claims.scope) : [presented.kind]

const TOKEN_TOPIC: Record<TokenError['code'], Topic> = {
  Malformed: 'token-malformed',
  WrongType: 'token-wrong-type',
  WrongAlg: 'token-wrong-alg',
  BadSignature: 'token-bad-signature',
  Expired: 'token-expired',
  TooLong: 'token-too-long',
  FromFuture: 'token-from-future',
  Revoked: 'token-revoked',
  WrongIssuer: 'token-wrong-issuer',
  WrongAudience: 'token-wrong-audience',
  WrongMethod: 'token-wrong-method',
  BadClaims: 'token-bad-claims',
}

/** A token that does not verify, as the caller is told of it. */
const tokenRefused = (cause: unknown, advice = ''): unknown => {
  if (!(cause instanceof TokenError)) return cause
  const name = cause.code === 'Expired' ? 'ExpiredToken' : 'InvalidToken'
  return error(name, `${cause.message}${advice && `; ${advice}`}. ${docsLink(TOKEN_TOPIC[cause.code])}`)
}

const MINT_ANOTHER = 'mint another with `pds migrate-token`'

/** Verifies a migration token of this server, wherever it was presented. */
export const verifyOwnToken = async (
  deps: Pick<AuthDeps, 'signingKey' | 'did' | 'serviceDid' | 'platform' | 'tokensNotBefore'>,
  token: string,
): Promise<MigrationClaims> => {
  try {
    return await verifyMigrationToken(token, {
      publicDidKey: deps.signingKey,
      issuer: deps.did,
      serviceDid: deps.serviceDid,
      now: deps.platform.now(),
      notBefore: deps.tokensNotBefore(),
    })
  } catch (cause) {
    throw tokenRefused(cause, MINT_ANOTHER)
  }
}

/** Open to everyone and to nobody in particular: probes, and the sign-in itself. No credential is looked at. */
const isForAll = (rule: Rule): boolean => Object.keys(rule.who).join() === 'anyone'

/** The door: verifies the one credential of a request and asks the policy. */
export const authorizer = (deps: AuthDeps): Authorize => {
  const { platform, did, serviceDid, tokens, sessions } = deps

  const admin = (header: string): Presented => {
    const basic = parseBasic(header)
    if (!basic)
      throw error(
        'InvalidToken',
        `the Authorization header is not well-formed Basic. ${docsLink('wrong-credential')}`,
      )
    // Both are compared, so that the time says nothing.
    const right = equalSecret(basic.password, deps.adminPassword)
    if (basic.user === 'admin' && right) return { kind: 'admin', grants: 'admin' }
    if (deps.rate.noteAdminFailure())
      deps.sql.transaction(() => deps.journal.append('failed-sign-in', { why: 'admin password' }))
    throw error(
      'AuthenticationRequired',
      `wrong admin user or password: the user is "admin", the password this deployment's ADMIN_PASSWORD. ${docsLink('wrong-credential')}`,
    )
  }

  /** Ours in every respect, and not signed out. */
  const own = <T extends SessionClaims>(claims: T): T => {
    if (claims.did !== did) throw new TokenError('WrongIssuer', 'the session is of another account')
    if (claims.aud !== serviceDid) throw new TokenError('WrongAudience', 'the session is of another server')
    if (!sessions.exists(claims.sid))
      throw error('InvalidToken', `this session has ended; sign in again. ${docsLink('session-ended')}`)
    return claims
  }

  const bearer = async (token: string, rule: Rule): Promise<Presented> => {
    try {
      const { typ } = decodeJws(token).header
      switch (typ) {
        case 'at+jwt':
          return {
            kind: 'session',
            grants: 'session',
            claims: own(await tokens.verifyAccess(token, platform.now())),
          }
        case 'refresh+jwt':
          return {
            kind: 'refresh',
            grants: 'refresh',
            claims: own(await tokens.verifyRefresh(token, platform.now())),
          }
        case MIGRATION_TYP:
          // Another server's targeted token opens createAccount, which none of ours does.
          if (!rule.who.service)
            return { kind: 'token', claims: await verifyOwnToken(deps, token), raw: token }
          return { kind: 'service', grants: 'service', ...(await deps.verifyIncoming(token)) }
        case 'JWT':
          if (!rule.who.service)
            throw new TokenError('WrongType', 'service-auth tokens open createAccount only on this server')
          return { kind: 'service', grants: 'service', ...(await deps.verifyIncoming(token)) }
        default:
          throw new TokenError('WrongType', 'this is no token of a session, a migration or a service')
      }
    } catch (cause) {
      throw tokenRefused(cause)
    }
  }

  const present = async (request: Request, rule: Rule): Promise<Presented> => {
    const header = request.headers.get('authorization')?.trim()
    if (!header || isForAll(rule)) return { kind: 'anyone', grants: 'anyone' }
    if (/^basic\b/i.test(header)) return admin(header)
    const token = /^bearer +(\S+)$/i.exec(header)?.[1]
    if (token) return await bearer(token, rule)
    throw error(
      'InvalidToken',
      `the Authorization header is neither Bearer nor Basic. ${docsLink('wrong-credential')}`,
    )
  }

  return async (id, request) => {
    const rule: Rule = policy[id]
    const presented = await present(request, rule)
    // Asked for only now: the account may have changed while the credential was verified.
    const state = deps.state()
    const granted = kindsOf(presented).find((kind) => rule.who[kind]?.includes(state))
    if (granted === undefined) throw refuse({ id, rule, state, kinds: kindsOf(presented), request, did })
    if (presented.kind !== 'token') return presented
    if (!isScope(granted)) throw new Error('a migration token grants scopes only')
    // The discriminant is one of the union's by the check above; TypeScript does not distribute it.
    return { ...presented, grants: granted } as TokenCredential
  }
}
