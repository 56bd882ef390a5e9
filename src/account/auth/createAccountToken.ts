/** The token by which the account's own DID asks this server to take it in. */
import { createHash } from 'node:crypto'
import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { CREATE_ACCOUNT, MIGRATION_TYP, verifyTargetedToken } from '../../signing/migrationToken.ts'
import { isPublicKey } from '../../crypto/publicKey.ts'
import { verifyServiceToken } from '../../signing/serviceToken.ts'
import { IdentityError } from '../../identity/errors.ts'
import type { Identity } from '../../identity/identity.ts'
import type { Platform } from '../../platform.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import { upstream } from '../identity/upstream.ts'

export interface IncomingDeps {
  platform: Pick<Platform, 'now'>
  identity: Pick<Identity, 'resolveDid'>
  watch: Pick<IdentityWatch, 'last'>
  did: string
  serviceDid: string
}

/** A caller whose token is signed with the key in the DID document. `id` names this one token, and is no secret. */
export interface CreateAccountToken {
  iss: string
  aud: string
  id: string
}

/**
 * Milliseconds in which the DID document is not asked for again. Anybody can write a token that says it is
 * from our DID; whatever he sends, the directory hears of it this often, and a true token is still taken.
 */
const REST = 10_000
const REST_AFTER_FAILURE = 2000

const askKey = async ({ identity, did }: IncomingDeps): Promise<string> => {
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

/** The key in the DID document. Whoever comes within the rest gets the same answer, also the one under way. */
const restedKey = (deps: IncomingDeps): (() => Promise<string>) => {
  const { platform, watch } = deps
  let last: { at: number; until: number; key: Promise<string> } | undefined
  return async () => {
    const now = platform.now()
    // What was seen since on another occasion, such as the account's own arrival here, knows better.
    const { at = 0, signingKey } = watch.last ?? {}
    if (signingKey && isPublicKey(signingKey) && now < at + REST && at > (last?.at ?? 0)) return signingKey
    if (last && now < last.until) return await last.key
    const asked = { at: now, until: now + REST, key: askKey(deps) }
    asked.key.catch(() => (asked.until = platform.now() + REST_AFTER_FAILURE))
    last = asked
    return await asked.key
  }
}

/**
 * Verifies a service-auth token for createAccount, or a migration token that another Cirrus minted for this
 * server. Both are signed with the key in the DID document, which the account's present PDS holds.
 */
export const incomingVerifier = (deps: IncomingDeps): ((token: string) => Promise<CreateAccountToken>) => {
  const { did: issuer, serviceDid, platform } = deps
  const keyOf = restedKey(deps)
  return async (token) => {
    const { header, payload } = decodeJws(token)
    // Before anyone is asked: only the configured account can come in.
    if (payload.iss !== issuer)
      throw new TokenError(
        'WrongIssuer',
        `the token is not from ${issuer}, the account that this server is for`,
      )
    const didKey = await keyOf()
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
}
