import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { MIGRATION_TYP } from '../../signing/migrationToken.ts'
import { equalSecret, parseBasic } from '../../crypto/password.ts'
import type { Secret } from '../../crypto/secret.ts'
import type { SessionClaims, SessionTokens } from '../../signing/sessionTokens.ts'
import type { Platform } from '../../platform.ts'
import type { Rule } from '../../policy.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { MoveInToken } from './moveInToken.ts'
import type { VerifiedCredential } from './credential.ts'
import type { Journal } from '../journal.ts'
import type { MigrationTokens } from './migrationTokens.ts'
import type { RateLimits } from './rateLimits.ts'
import { type Sessions, sessionEnded } from './sessions.ts'
import type { Sql } from '../db/sql.ts'
import { tokenError } from './tokenError.ts'

export interface VerifyCredentialDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  did: string
  serviceDid: string
  adminPassword: Secret
  tokens: SessionTokens
  sessions: Pick<Sessions, 'exists'>
  rateLimits: Pick<RateLimits, 'countAdminFailure'>
  migrationTokens: Pick<MigrationTokens, 'verify'>
  /** Verifies a token with which the account's own DID asks this server to take the account in. */
  verifyMoveInToken(token: string): Promise<MoveInToken>
}

export type VerifyCredential = (request: Request, rule: Rule) => Promise<VerifiedCredential>

/** Open to everyone, with or without a credential: probes, and the sign-in itself. */
const isOpenToAnyone = (rule: Rule): boolean => Object.keys(rule.who).join() === 'anyone'

const checkAdmin = (deps: VerifyCredentialDeps, header: string): VerifiedCredential => {
  const basic = parseBasic(header)
  if (!basic)
    throw error(
      'InvalidToken',
      `the Authorization header is not well-formed Basic. ${docsLink('wrong-credential')}`,
    )
  // The password is compared whatever the user is, so that the time does not show which of the two was wrong.
  const isRight = equalSecret(basic.password, deps.adminPassword)
  if (basic.user === 'admin' && isRight) return { kind: 'admin', grants: 'admin' }
  if (deps.rateLimits.countAdminFailure())
    deps.sql.transaction(() => deps.journal.append('failed-sign-in', { why: 'admin password' }))
  throw error(
    'AuthenticationRequired',
    `wrong admin user or password: the user is "admin", the password this deployment's ADMIN_PASSWORD. ${docsLink('wrong-credential')}`,
  )
}

/** Verifies the one credential of a request. If the rule is open to anyone, no credential is looked at. */
export const createVerifyCredential = (deps: VerifyCredentialDeps): VerifyCredential => {
  const { did, serviceDid, platform, tokens, sessions } = deps

  /** Refuses a session that is not of this account and this server, or that has ended. */
  const ownSession = <T extends SessionClaims>(claims: T): T => {
    if (claims.did !== did) throw new TokenError('WrongIssuer', 'the session is of another account')
    if (claims.aud !== serviceDid) throw new TokenError('WrongAudience', 'the session is of another server')
    if (!sessions.exists(claims.sid)) throw sessionEnded()
    return claims
  }

  const moveInCredential = async (token: string): Promise<VerifiedCredential> => ({
    kind: 'service',
    grants: 'service',
    ...(await deps.verifyMoveInToken(token)),
  })

  const verifyBearer = async (token: string, rule: Rule): Promise<VerifiedCredential> => {
    const { typ } = decodeJws(token).header
    switch (typ) {
      case 'at+jwt': {
        const claims = ownSession(await tokens.verifyAccess(token, platform.now()))
        return { kind: 'session', grants: 'session', claims }
      }
      case 'refresh+jwt': {
        const claims = ownSession(await tokens.verifyRefresh(token, platform.now()))
        return { kind: 'refresh', grants: 'refresh', claims }
      }
      case MIGRATION_TYP:
        // Another server's targeted token opens createAccount, which none of our own tokens does.
        if (rule.who.service) return await moveInCredential(token)
        return { kind: 'token', claims: await deps.migrationTokens.verify(token), raw: token }
      case 'JWT':
        if (rule.who.service) return await moveInCredential(token)
        throw new TokenError('WrongType', 'service-auth tokens open createAccount only on this server')
      default:
        throw new TokenError('WrongType', 'the token is not for a session, a migration or a service')
    }
  }

  return async (request, rule) => {
    const header = request.headers.get('authorization')?.trim()
    if (!header || isOpenToAnyone(rule)) return { kind: 'anyone', grants: 'anyone' }
    if (/^basic\b/i.test(header)) return checkAdmin(deps, header)
    const token = /^bearer +(\S+)$/i.exec(header)?.[1]
    if (!token)
      throw error(
        'InvalidToken',
        `the Authorization header is neither Bearer nor Basic. ${docsLink('wrong-credential')}`,
      )
    try {
      return await verifyBearer(token, rule)
    } catch (cause) {
      throw tokenError(cause)
    }
  }
}
