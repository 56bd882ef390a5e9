import { TokenError } from '../crypto/errors.ts'
import { checkHeader, decodeJws, encodeJws } from '../crypto/jws.ts'
import type { SignBytes } from '../crypto/privateKey.ts'
import { parsePublicKey, verifyWith } from '../crypto/publicKey.ts'
import type { JsonObject } from '../isObject.ts'
import { didClaim, integerClaim, refuseOtherClaims, stringClaim } from './claims.ts'

export const STATEMENT_TYP = 'cirrus-statement+jwt'

/** What the source signs of a statement of completeness: its hash. The statement itself may be megabytes long. */
export interface StatementClaims {
  iss: string
  /** Seconds since the epoch. */
  iat: number
  /** Sha-256 of the statement's canonical JSON, in hex. */
  digest: string
}

const parseClaims = (payload: JsonObject): StatementClaims => {
  refuseOtherClaims(payload, ['iss', 'iat', 'digest'])
  const digest = stringClaim(payload, 'digest')
  if (!/^[0-9a-f]{64}$/.test(digest))
    throw new TokenError('BadClaims', 'the claim digest must be a sha-256 hash in hex')
  return { iss: didClaim(payload, 'iss'), iat: integerClaim(payload, 'iat'), digest }
}

/** Signs the hash of a statement by the same rules by which it is verified. */
export const signStatement = async (claims: StatementClaims, sign: SignBytes): Promise<string> =>
  encodeJws(STATEMENT_TYP, { ...parseClaims({ ...claims }) }, sign)

/**
 * Verifies the signature of a statement with one of the keys that the account has had: the account has moved since, so
 * it is rarely the key of today. Returns the claims, and the key that signed. A statement does not expire.
 */
export const verifyStatementSignature = async (
  signature: string,
  opts: { publicDidKeys: readonly string[]; issuer: string },
): Promise<StatementClaims & { key: string }> => {
  const jws = decodeJws(signature)
  checkHeader(jws.header, STATEMENT_TYP, 'ES256K')
  const claims = parseClaims(jws.payload)
  if (claims.iss !== opts.issuer) throw new TokenError('WrongIssuer', 'the statement is of another account')
  for (const key of opts.publicDidKeys) {
    const parsed = parsePublicKey(key)
    if (parsed.alg === 'ES256K' && (await verifyWith(parsed, jws.signed, jws.signature)))
      return { ...claims, key }
  }
  throw new TokenError('BadSignature', 'the statement is signed by none of the keys that the account has had')
}
