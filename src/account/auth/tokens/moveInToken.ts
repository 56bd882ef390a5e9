import { createHash } from 'node:crypto'
import { TokenError } from '../../../crypto/errors.ts'
import { decodeJws } from '../../../crypto/jws.ts'
import { CREATE_ACCOUNT, MIGRATION_TYP, verifyTargetedToken } from '../../../signing/migrationToken.ts'
import { isPublicKey } from '../../../crypto/publicKey.ts'
import { ownAudiences, verifyServiceToken } from '../../../signing/serviceToken.ts'
import { IdentityError } from '../../../identity/errors.ts'
import type { Platform } from '../../../platform.ts'
import { DirectoryError } from '../../../plc/directory.ts'
import { XrpcError } from '../../../xrpc/errors.ts'
import type { Sql } from '../../db/sql.ts'
import type { IdentityWatch, ShareLimits } from '../../identity/identityWatch.ts'
import { upstreamError } from '../../identity/upstreamError.ts'
import type { Journal } from '../../journal.ts'
import type { RateLimits } from '../limits/rateLimits.ts'

/**
 * A verified token with which the account's own DID asks this server to take the account in. `id` names this one
 * token, and is not a secret.
 */
export interface MoveInToken {
  iss: string
  aud: string
  id: string
  /** When it expires, in seconds. */
  exp: number
}

export interface MoveInTokenDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  rateLimits: Pick<RateLimits, 'countCreateFailure'>
  identityWatch: Pick<IdentityWatch, 'share'>
  did: string
  serviceDid: string
}

/**
 * For this long, the DID is not looked up again. Anybody can write a token that says it is from our DID; however many
 * they send, the directory gets one request in this time, and a genuine token is still accepted.
 */
const KEY_LIMITS: ShareLimits = { maxAgeMs: 10_000, retryMs: 2000 }

/** Nobody has the DID, or it cannot be used: asking again does not help. */
const isUnresolvable = (cause: unknown): cause is Error =>
  (cause instanceof DirectoryError && (cause.code === 'NotFound' || cause.code === 'Gone')) ||
  (cause instanceof IdentityError && !cause.retryable)

/**
 * The key of the account now. For did:plc it comes from the log, which is verified from its genesis: a DID document is
 * only what the directory says.
 */
const currentKey = async ({ identityWatch, did }: MoveInTokenDeps): Promise<string> => {
  const { head, signingKey } = await identityWatch.share(KEY_LIMITS).catch((cause: unknown) => {
    throw isUnresolvable(cause) ? new XrpcError('UnresolvableDid', cause.message) : upstreamError(cause)
  })
  if (head && !head.data) throw new XrpcError('UnresolvableDid', `${did} has been tombstoned`)
  if (signingKey === undefined) throw new XrpcError('IncompatibleDidDoc', `${did} has no atproto signing key`)
  if (isPublicKey(signingKey)) return signingKey
  throw new XrpcError(
    'IncompatibleDidDoc',
    `the signing key that ${did} names is not a k256 or P-256 did:key: no token can be verified with it`,
  )
}

/**
 * Verifies a service-auth token for createAccount, or a migration token that another Cirrus minted for this server.
 * Both are signed with the account's key, which its present PDS holds. What is refused is journalled, within limits.
 */
export const createMoveInTokenVerifier = (
  deps: MoveInTokenDeps,
): ((token: string) => Promise<MoveInToken>) => {
  const { did: issuer, serviceDid, platform, sql, journal, rateLimits } = deps

  const verify = async (token: string, typ: unknown): Promise<Omit<MoveInToken, 'id'>> => {
    const didKey = await currentKey(deps)
    const now = platform.now()
    return typ === MIGRATION_TYP
      ? await verifyTargetedToken(token, { publicDidKey: didKey, issuer, audience: serviceDid, now })
      : await verifyServiceToken(token, {
          didKey,
          issuer,
          audiences: ownAudiences(serviceDid),
          lxm: CREATE_ACCOUNT,
          now,
        })
  }

  return async (token) => {
    const { header, payload } = decodeJws(token)
    // Checked before the DID is looked up: only the configured account can move in.
    if (payload.iss !== issuer)
      throw new TokenError(
        'WrongIssuer',
        `the token is not from ${issuer}, the account that this server is for`,
      )
    try {
      const { iss, aud, exp } = await verify(token, header.typ)
      return { iss, aud, exp, id: createHash('sha256').update(token).digest('base64url') }
    } catch (cause) {
      if (cause instanceof TokenError && rateLimits.countCreateFailure('token'))
        sql.transaction(() => journal.append('failed-create-account', { why: 'token', code: cause.code }))
      throw cause
    }
  }
}
