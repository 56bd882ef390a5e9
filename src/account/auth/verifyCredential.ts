import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { MIGRATION_TYP } from '../../signing/migrationToken.ts'
import { equalSecret, parseBasic } from '../../crypto/password.ts'
import type { Secret } from '../../crypto/secret.ts'
import type { SigningKey } from '../../signing/keys.ts'
import { ownAudiences, UPLOAD_BLOB, verifyServiceToken } from '../../signing/serviceToken.ts'
import type { AccessClaims, SessionClaims, SessionTokens } from '../../signing/sessionTokens.ts'
import type { Platform } from '../../platform.ts'
import { isOpenToAnyone, type Rule } from '../../policy.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import { callerNetwork } from '../../network.ts'
import { docsLink } from '../../docsLink.ts'
import type { MoveInToken } from './tokens/moveInToken.ts'
import type { VerifiedCredential } from './credential.ts'
import type { Failures } from './limits/failures.ts'
import type { KnownNetworks } from './limits/knownNetworks.ts'
import type { MigrationTokens } from './tokens/migrationTokens.ts'
import type { RateLimits } from './limits/rateLimits.ts'
import { type Sessions, sessionEnded } from './sessions/sessions.ts'
import { tokenError } from './tokenError.ts'
import { createAccessTokens } from './tokens/accessTokens.ts'
import type { VerifyGrant } from './verifyGrant.ts'

export interface VerifyCredentialDeps {
  platform: Pick<Platform, 'now'>
  did: string
  /** Of tokens for this server: a session outlives a change of the host name, and its next tokens are for the new one. */
  audiences: readonly string[]
  /** Signed the account's own service tokens. */
  signingKey: Pick<SigningKey, 'did'>
  adminPassword: Secret
  tokens: SessionTokens
  sessions: Pick<Sessions, 'exists'>
  rateLimits: Pick<RateLimits, 'assertMayTryAdmin' | 'wrongAdmin'>
  knownNetworks: Pick<KnownNetworks, 'remember'>
  failures: Pick<Failures, 'signIn' | 'token'>
  migrationTokens: Pick<MigrationTokens, 'verify'>
  /** Verifies a token with which the account's own DID asks this server to take the account in. */
  verifyMoveInToken(token: string): Promise<MoveInToken>
  verifyGrant: VerifyGrant
}

export type VerifyCredential = (request: Request, rule: Omit<Rule, 'runs'>) => Promise<VerifiedCredential>

const checkAdmin = (deps: VerifyCredentialDeps, header: string, network?: string): VerifiedCredential => {
  const { rateLimits, knownNetworks, failures } = deps
  const basic = parseBasic(header)
  if (!basic)
    throw error(
      'InvalidToken',
      `the Authorization header is not well-formed Basic. ${docsLink('wrong-credential')}`,
    )
  rateLimits.assertMayTryAdmin(network)
  // The password is compared whatever the user is, so that the time does not show which of the two was wrong.
  const isRight = equalSecret(basic.password, deps.adminPassword)
  if (basic.user === 'admin' && isRight) {
    knownNetworks.remember(network ?? '')
    return { kind: 'admin', grants: 'admin' }
  }
  rateLimits.wrongAdmin(network)
  failures.signIn('admin password')
  throw error(
    'AuthenticationRequired',
    `wrong admin user or password: the user is "admin", the password this deployment's ADMIN_PASSWORD. ${docsLink('wrong-credential')}`,
  )
}

const sessionCredential = (claims: AccessClaims): VerifiedCredential => ({
  kind: 'session',
  grants: claims.kind,
  claims,
})

/** Verifies the one credential of a request. If the rule is open to anyone, no credential is looked at. */
export const createVerifyCredential = (deps: VerifyCredentialDeps): VerifyCredential => {
  const { did, platform, tokens, sessions, audiences } = deps
  const accessTokens = createAccessTokens(deps)

  /** Refuses a session that is not of this account and this server, or that has ended. */
  const ownSession = <T extends SessionClaims>(claims: T): T => {
    if (claims.did !== did) throw new TokenError('WrongIssuer', 'the session is of another account')
    if (!audiences.includes(claims.aud))
      throw new TokenError('WrongAudience', 'the session is of another server')
    if (!sessions.exists(claims.sid)) throw sessionEnded()
    return claims
  }

  /**
   * A session that is stored here and whose token does not verify was opened under an earlier password or secret, which
   * has ended it. The owner is still told of the bad signature: the token may also have been changed.
   */
  const endedByNewKey = (cause: unknown, sid: unknown): unknown => {
    const isOurs = typeof sid === 'string' && sessions.exists(sid)
    if (!isOurs || !(cause instanceof TokenError) || cause.code !== 'BadSignature') return cause
    return Object.assign(sessionEnded(), { cause })
  }

  const verifySession = async <T extends SessionClaims>(verified: Promise<T>, sid: unknown): Promise<T> => {
    try {
      return ownSession(await verified)
    } catch (cause) {
      throw endedByNewKey(cause, sid)
    }
  }

  const moveInCredential = async (token: string): Promise<VerifiedCredential> => ({
    kind: 'service',
    grants: 'service',
    ...(await deps.verifyMoveInToken(token)),
  })

  const blobUploadCredential = async (token: string): Promise<VerifiedCredential> => {
    const {
      iat = 0,
      exp,
      grant,
    } = await verifyServiceToken(token, {
      didKey: deps.signingKey.did,
      issuer: did,
      audiences: audiences.flatMap(ownAudiences),
      lxm: UPLOAD_BLOB,
      now: platform.now(),
    })
    return { kind: 'blobUpload', grants: 'blobUpload', iat, exp, grant }
  }

  const verifyBearer = async (token: string, rule: Omit<Rule, 'runs'>): Promise<VerifiedCredential> => {
    const known = accessTokens.known(token)
    if (known) return sessionCredential(ownSession(known))
    const { header, payload } = decodeJws(token)
    switch (header.typ) {
      case 'at+jwt':
        // A grant's token is of the same type, but bound to a key.
        if ('cnf' in payload)
          throw new TokenError(
            'WrongType',
            'an access token of an app is sent as Authorization: DPoP, with a proof',
          )
        return sessionCredential(await verifySession(accessTokens.verify(token), payload.sid))
      case 'refresh+jwt': {
        const claims = await verifySession(tokens.verifyRefresh(token, platform.now()), payload.sid)
        return { kind: 'refresh', grants: 'refresh', claims }
      }
      case MIGRATION_TYP:
        // Another server's targeted token opens createAccount, which none of our own tokens does.
        if (rule.who.service) return await moveInCredential(token)
        return { kind: 'token', claims: await deps.migrationTokens.verify(token), raw: token }
      case 'JWT':
        if (rule.who.service) return await moveInCredential(token)
        if (rule.who.blobUpload) return await blobUploadCredential(token)
        throw new TokenError(
          'WrongType',
          'service-auth tokens open nothing but createAccount and uploadBlob on this server',
        )
      default:
        throw new TokenError('WrongType', 'the token is not for a session, a migration or a service')
    }
  }

  return async (request, rule) => {
    const header = request.headers.get('authorization')?.trim()
    if (!header || isOpenToAnyone(rule)) return { kind: 'anyone', grants: 'anyone' }
    if (/^basic\b/i.test(header)) return checkAdmin(deps, header, callerNetwork(request.headers))
    const bound = /^dpop +(\S+)$/i.exec(header)?.[1]
    if (bound) return await deps.verifyGrant(request, bound)
    const token = /^bearer +(\S+)$/i.exec(header)?.[1]
    if (!token)
      throw error(
        'InvalidToken',
        `the Authorization header is none of Bearer, DPoP and Basic. ${docsLink('wrong-credential')}`,
      )
    try {
      return await verifyBearer(token, rule)
    } catch (cause) {
      // Every client sends an expired token sometimes, or one of a session that has ended. Tokens for createAccount are
      // noted by its own rules.
      const refused = tokenError(cause)
      const reason = refused instanceof XrpcError ? refused.cause : undefined
      const isFailure = reason instanceof TokenError && reason.code !== 'Expired'
      if (isFailure && !rule.who.service && !rule.lenient) deps.failures.token(reason.code)
      throw refused
    }
  }
}
