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
import { upstreamError } from '../identity/upstreamError.ts'

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
  platform: Pick<Platform, 'now'>
  identity: Pick<Identity, 'resolveDid'>
  identityWatch: Pick<IdentityWatch, 'last'>
  did: string
  serviceDid: string
}

/**
 * For this long, the DID document is not asked for again. Anybody can write a token that says it is from our DID;
 * however many they send, the directory gets one request in this time, and a genuine token is still accepted.
 */
const KEY_LOOKUP_COOLDOWN_MS = 10_000
const KEY_LOOKUP_COOLDOWN_AFTER_FAILURE_MS = 2000

const lookUpKey = async ({ identity, did }: MoveInTokenDeps): Promise<string> => {
  try {
    const { signingKey } = await identity.resolveDid(did)
    if (signingKey) return signingKey
  } catch (cause) {
    if (cause instanceof IdentityError && !cause.retryable)
      throw new XrpcError('UnresolvableDid', cause.message)
    throw upstreamError(cause)
  }
  throw new XrpcError('IncompatibleDidDoc', `the DID document of ${did} has no atproto signing key`)
}

/** The key in the DID document. Calls within the cool-down share one answer, even one that is still on its way. */
const createKeyLookup = (deps: MoveInTokenDeps): (() => Promise<string>) => {
  const { platform, identityWatch } = deps
  let latest: { at: number; until: number; key: Promise<string> } | undefined
  return async () => {
    const now = platform.now()
    // A later observation, made for another reason such as the account's arrival here, is fresher than the answer.
    const { at = 0, signingKey } = identityWatch.last ?? {}
    const isFresh = now < at + KEY_LOOKUP_COOLDOWN_MS && at > (latest?.at ?? 0)
    if (signingKey && isPublicKey(signingKey) && isFresh) return signingKey
    if (latest && now < latest.until) return await latest.key
    const lookup = { at: now, until: now + KEY_LOOKUP_COOLDOWN_MS, key: lookUpKey(deps) }
    lookup.key.catch(() => (lookup.until = platform.now() + KEY_LOOKUP_COOLDOWN_AFTER_FAILURE_MS))
    latest = lookup
    return await lookup.key
  }
}

/**
 * Verifies a service-auth token for createAccount, or a migration token that another Cirrus minted for this server.
 * Both are signed with the key in the DID document, which the account's present PDS holds.
 */
export const createMoveInTokenVerifier = (
  deps: MoveInTokenDeps,
): ((token: string) => Promise<MoveInToken>) => {
  const { did: issuer, serviceDid, platform } = deps
  const currentKey = createKeyLookup(deps)
  return async (token) => {
    const { header, payload } = decodeJws(token)
    // Checked before the DID document is fetched: only the configured account can move in.
    if (payload.iss !== issuer)
      throw new TokenError(
        'WrongIssuer',
        `the token is not from ${issuer}, the account that this server is for`,
      )
    const didKey = await currentKey()
    const now = platform.now()
    const { iss, aud, exp } =
      header.typ === MIGRATION_TYP
        ? await verifyTargetedToken(token, { publicDidKey: didKey, issuer, audience: serviceDid, now })
        : await verifyServiceToken(token, {
            didKey,
            issuer,
            audiences: [serviceDid, `${serviceDid}#atproto_pds`],
            lxm: CREATE_ACCOUNT,
            now,
          })
    return { iss, aud, exp, id: createHash('sha256').update(token).digest('base64url') }
  }
}
