import { withoutUndefined, didClaim, refuseOtherClaims, stringClaim, integerClaim } from './claims.ts'
import { TokenError } from '../crypto/errors.ts'
import { checkHeader, checkSignature, decodeJws, encodeJws } from '../crypto/jws.ts'
import type { SignBytes } from '../crypto/privateKey.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import { parsePublicKey } from '../crypto/publicKey.ts'

export const MANIFEST_TYP = 'cirrus-manifest+jwt'
/** Room for about a thousand collections. */
export const MAX_MANIFEST_BYTES = 128 * 1024

/** What the account contains at one revision. A copy is checked for completeness against it. */
export interface ManifestClaims {
  iss: string
  /** Seconds since the epoch. */
  iat: number
  rev: string
  commit: string
  data: string
  /** Records by collection. */
  collections: Record<string, number>
  blobs: { count: number; bytes: number }
}

const parseClaims = (payload: JsonObject): ManifestClaims => {
  refuseOtherClaims(payload, ['iss', 'iat', 'rev', 'commit', 'data', 'collections', 'blobs'])
  const { collections, blobs } = payload
  if (!isObject(collections) || !isObject(blobs))
    throw new TokenError('BadClaims', 'collections and blobs must be objects')
  refuseOtherClaims(blobs, ['count', 'bytes'])
  return {
    iss: didClaim(payload, 'iss'),
    iat: integerClaim(payload, 'iat'),
    rev: stringClaim(payload, 'rev'),
    commit: stringClaim(payload, 'commit'),
    data: stringClaim(payload, 'data'),
    collections: Object.fromEntries(
      Object.keys(collections).map((nsid) => [nsid, integerClaim(collections, nsid)]),
    ),
    blobs: { count: integerClaim(blobs, 'count'), bytes: integerClaim(blobs, 'bytes') },
  }
}

/** Signs a manifest by the same rules by which it is verified. */
export const signManifest = async (claims: ManifestClaims, sign: SignBytes): Promise<string> =>
  encodeJws(MANIFEST_TYP, withoutUndefined({ ...parseClaims({ ...claims }) }), sign)

/** Verifies a manifest with the account's signing key. A manifest does not expire, because it describes one revision. */
export const verifyManifest = async (
  manifest: string,
  opts: { publicDidKey: string; issuer: string },
): Promise<ManifestClaims> => {
  const jws = decodeJws(manifest, MAX_MANIFEST_BYTES)
  checkHeader(jws.header, MANIFEST_TYP, 'ES256K')
  const key = parsePublicKey(opts.publicDidKey)
  if (key.alg !== 'ES256K') throw new TokenError('WrongAlg', 'manifests are signed with ES256K only')
  await checkSignature(jws, key)
  const claims = parseClaims(jws.payload)
  if (claims.iss !== opts.issuer) throw new TokenError('WrongIssuer', 'the manifest is for another account')
  return claims
}
