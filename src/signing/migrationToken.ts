import type { PlcData } from '../plc/types.ts'
import {
  withoutUndefined,
  didClaim,
  refuseOtherClaims,
  serviceDidClaim,
  CLOCK_SKEW_S,
  stringClaim,
  integerClaim,
  optionalStringClaim,
} from './claims.ts'
import { TokenError } from '../crypto/errors.ts'
import { checkHeader, checkSignature, decodeJws, encodeJws } from '../crypto/jws.ts'
import type { SignBytes } from '../crypto/privateKey.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import { parsePublicKey } from '../crypto/publicKey.ts'
import { parseScope } from './scope.ts'

export { DEFAULT_SCOPES, isScope, parseScope, type Scope, SCOPES } from './scope.ts'

export const MIGRATION_TYP = 'cirrus-migration+jwt'
/** How long a migration token is valid. */
export const MIGRATION_LIFETIME_S = 900
export const CREATE_ACCOUNT = 'com.atproto.server.createAccount'

/** The data that the rotation needs, as it was when the token was minted. */
export interface PlcClaim extends PlcData {
  /** CID of the head operation. */
  prev: string
}

export interface MigrationClaims {
  iss: string
  aud: string
  /** Targeted only: the target's origin. */
  target?: string
  /** Targeted only: createAccount, so that a reference PDS accepts the token as its Bearer. */
  lxm?: string
  iat: number
  exp: number
  jti: string
  /** Space-separated; see `parseScope`. */
  scope: string
  plc?: PlcClaim
}

const CLAIM_NAMES = ['iss', 'aud', 'target', 'lxm', 'iat', 'exp', 'jti', 'scope', 'plc']

const badClaims = (message: string) => new TokenError('BadClaims', message)

/** An origin and nothing more: `https://pds.example`, or loopback over http while developing. */
export const isOrigin = (value: string): boolean =>
  /^https?:\/\//.test(value) && URL.canParse(value) && new URL(value).origin === value

const parsePlcClaim = (value: unknown): PlcClaim => {
  if (!isObject(value)) throw badClaims('the claim plc must be an object')
  refuseOtherClaims(value, ['prev', 'rotationKeys', 'verificationMethods', 'alsoKnownAs', 'services'])
  const list = (name: string): string[] => {
    const entries: unknown = value[name]
    if (!Array.isArray(entries) || !entries.every((entry) => typeof entry === 'string'))
      throw badClaims(`the claim plc.${name} must be a list of strings`)
    return entries
  }
  const methods = value.verificationMethods
  const services = value.services
  if (!isObject(methods) || !isObject(services))
    throw badClaims('the claim plc lacks its methods or services')
  return {
    prev: stringClaim(value, 'prev', 128),
    rotationKeys: list('rotationKeys'),
    verificationMethods: Object.fromEntries(Object.keys(methods).map((id) => [id, stringClaim(methods, id)])),
    alsoKnownAs: list('alsoKnownAs'),
    services: Object.fromEntries(
      Object.entries(services).map(([id, service]) => {
        if (!isObject(service)) throw badClaims('the claim plc.services must contain objects')
        return [id, { type: stringClaim(service, 'type'), endpoint: stringClaim(service, 'endpoint') }]
      }),
    ),
  }
}

/** Checks claims: the same rules apply to what we sign and to what we accept. */
const parseClaims = (payload: JsonObject): MigrationClaims => {
  refuseOtherClaims(payload, CLAIM_NAMES)
  const iss = didClaim(payload, 'iss')
  const jti = stringClaim(payload, 'jti')
  if (!/^[0-9a-f]{32}$/.test(jti)) throw badClaims('the claim jti must be 128 bits in hex')
  const scope = stringClaim(payload, 'scope')
  const signs = parseScope(scope).includes('plc:sign')
  const plc = payload.plc === undefined ? undefined : parsePlcClaim(payload.plc)
  if ((plc !== undefined) !== (signs && iss.startsWith('did:plc:')))
    throw badClaims('the claim plc goes with the scope plc:sign of a did:plc, and only with it')
  const { target, lxm } = payload
  if ((target === undefined) !== (lxm === undefined)) throw badClaims('the claims target and lxm go together')
  if (target !== undefined && !isOrigin(stringClaim(payload, 'target')))
    throw badClaims('the claim target must be an origin')
  if (lxm !== undefined && lxm !== CREATE_ACCOUNT) throw badClaims(`the claim lxm must be ${CREATE_ACCOUNT}`)
  const [iat, exp] = [integerClaim(payload, 'iat'), integerClaim(payload, 'exp')]
  if (exp <= iat) throw badClaims('the claim exp must come after iat')
  if (exp - iat > MIGRATION_LIFETIME_S)
    throw new TokenError('TooLong', `the token would be valid for more than ${MIGRATION_LIFETIME_S} seconds`)
  return {
    iss,
    aud: serviceDidClaim(payload, 'aud'),
    target: optionalStringClaim(payload, 'target'),
    lxm: optionalStringClaim(payload, 'lxm'),
    iat,
    exp,
    jti,
    scope,
    plc,
  }
}

/** Signs a migration token by the same rules by which it is verified. */
export const signMigrationToken = async (claims: MigrationClaims, sign: SignBytes): Promise<string> =>
  encodeJws(MIGRATION_TYP, withoutUndefined({ ...parseClaims(withoutUndefined({ ...claims })) }), sign)

/**
 * When a token that is minted now begins and ends; `now` and `notBefore` are milliseconds since the epoch. A
 * revocation counts milliseconds and `iat` counts seconds, so a token minted in the same second as a revocation
 * begins at the next second: otherwise it would be revoked from the start.
 */
export const migrationTimes = (now: number, notBefore: number): { iat: number; exp: number } => {
  const iat = Math.max(Math.floor(now / 1000), Math.ceil(notBefore / 1000))
  return { iat, exp: iat + MIGRATION_LIFETIME_S }
}

const verify = async (token: string, publicDidKey: string, issuer: string, now: number) => {
  const jws = decodeJws(token)
  checkHeader(jws.header, MIGRATION_TYP, 'ES256K')
  const key = parsePublicKey(publicDidKey)
  if (key.alg !== 'ES256K') throw new TokenError('WrongAlg', 'migration tokens are signed with ES256K only')
  await checkSignature(jws, key)
  const claims = parseClaims(jws.payload)
  if (claims.iss !== issuer) throw new TokenError('WrongIssuer', 'the migration token is for another account')
  if (claims.iat * 1000 > now + CLOCK_SKEW_S * 1000)
    throw new TokenError('FromFuture', 'the migration token was issued in the future')
  return claims
}

const checkExpiry = (claims: MigrationClaims, now: number): void => {
  if (claims.exp * 1000 <= now) throw new TokenError('Expired', 'the migration token has expired')
}

/** Throws if the token has expired or was revoked; both times are in milliseconds, as in `VerifyMigrationOptions`. */
export const assertInForce = (claims: MigrationClaims, now: number, notBefore: number): void => {
  if (claims.iat * 1000 < notBefore) throw new TokenError('Revoked', 'the migration token has been revoked')
  checkExpiry(claims, now)
}

export interface VerifyMigrationOptions {
  /** Our own configured key: after the rotation the DID document names the target's key. */
  publicDidKey: string
  /** The account's DID. */
  issuer: string
  /** This server's DID: the audience of an untargeted token. */
  serviceDid: string
  /** Milliseconds since the epoch. */
  now: number
  /** Milliseconds since the epoch: tokens issued before it are revoked. 0 if none are. */
  notBefore: number
}

/** Verifies a token that this server minted. */
export const verifyMigrationToken = async (
  token: string,
  opts: VerifyMigrationOptions,
): Promise<MigrationClaims> => {
  const claims = await verify(token, opts.publicDidKey, opts.issuer, opts.now)
  if (claims.target === undefined && claims.aud !== opts.serviceDid)
    throw new TokenError('WrongAudience', 'the migration token is for another server')
  assertInForce(claims, opts.now, opts.notBefore)
  return claims
}

/**
 * Verifies a targeted token at its target, with the key in the account's DID document: the Cirrus that the account
 * is on now has minted it. Here it authorizes createAccount and nothing else.
 */
export const verifyTargetedToken = async (
  token: string,
  opts: { publicDidKey: string; issuer: string; audience: string; now: number },
): Promise<MigrationClaims> => {
  const claims = await verify(token, opts.publicDidKey, opts.issuer, opts.now)
  if (claims.lxm !== CREATE_ACCOUNT)
    throw new TokenError('WrongMethod', 'the migration token names no target')
  if (claims.aud !== opts.audience)
    throw new TokenError('WrongAudience', 'the migration token is for another target')
  checkExpiry(claims, opts.now)
  return claims
}

/** Whether a token claims to be a migration token. For dispatch only: nothing is verified. */
export const looksLikeMigrationToken = (token: string): boolean => {
  try {
    return decodeJws(token).header.typ === MIGRATION_TYP
  } catch {
    return false
  }
}
