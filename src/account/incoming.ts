/** The token by which the account's own DID asks this server to take it in. */
import { createHash } from 'node:crypto'
import { TokenError } from '../crypto/errors.ts'
import { decodeJws } from '../crypto/jws.ts'
import { CREATE_ACCOUNT, MIGRATION_TYP, verifyTargetedToken } from '../crypto/migrationToken.ts'
import { verifyServiceToken } from '../crypto/serviceToken.ts'
import { IdentityError } from '../identity/errors.ts'
import type { Identity } from '../identity/identity.ts'
import type { Platform } from '../platform.ts'
import { XrpcError } from '../xrpc/errors.ts'
import { upstream } from './upstream.ts'

export interface IncomingParts {
  platform: Pick<Platform, 'now'>
  identity: Pick<Identity, 'resolveDid'>
  did: string
  serviceDid: string
}

const keyOf = async ({ identity, did }: IncomingParts): Promise<string> => {
  try {
    const { signingKey } = await identity.resolveDid(did)
    if (signingKey) return signingKey
  } catch (cause) {
    if (cause instanceof IdentityError && !cause.retryable)
      throw new XrpcError('UnresolvableDid', cause.message)
    throw upstream(cause)
  }
  throw new XrpcError('IncompatibleDidDoc', `the DID document of ${did} has no atproto signing key`)
}

/**
 * A service-auth token for createAccount, or a migration token that another Cirrus minted for this
 * server. Both are signed with the key in the DID document, which the account's present PDS holds.
 */
export const verifyIncoming = async (
  parts: IncomingParts,
  token: string,
): Promise<{ iss: string; aud: string; id: string }> => {
  const { did: issuer, serviceDid, platform } = parts
  const { header, payload } = decodeJws(token)
  // Before anyone is asked: only the configured account can come in.
  if (payload.iss !== issuer)
    throw new TokenError(
      'WrongIssuer',
      `the token is not from ${issuer}, the account that this server is for`,
    )
  const didKey = await keyOf(parts)
  const now = platform.now()
  const { iss, aud } =
    header.typ === MIGRATION_TYP
      ? await verifyTargetedToken(token, { publicDidKey: didKey, issuer, audience: serviceDid, now })
      : await verifyServiceToken(token, {
          didKey,
          issuer,
          audiences: [serviceDid, `${serviceDid}#atproto_pds`],
          lxm: CREATE_ACCOUNT,
          now,
        })
  return { iss, aud, id: createHash('sha256').update(token).digest('base64url') }
}
