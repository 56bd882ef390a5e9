import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

/** A client's DPoP key, and what it signs: a good proof of a POST to /oauth/par, unless something else is said. */
export interface DpopClient {
  jkt: string
  jwk: object
  /** `claims` and `header` replace members; undefined leaves one out. */
  proof(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
}

export const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** `now` in milliseconds, `origin` of the server that is called. */
export const createDpopClient = async ({
  now,
  origin,
  alg = 'ES256',
}: {
  now: () => number
  origin: string
  alg?: string
}): Promise<DpopClient> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const { kty, crv, x, y, n, e } = await exportJWK(publicKey)
  // Without the members that are undefined.
  const jwk: object = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }))
  let proofs = 0
  return {
    jkt: await calculateJwkThumbprint(jwk),
    jwk,
    proof: (claims, header = {}) =>
      new SignJWT({
        jti: `proof ${proofs++}`,
        htm: 'POST',
        htu: `${origin}/oauth/par`,
        iat: Math.floor(now() / 1000),
        ...claims,
      })
        .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk, ...header })
        .sign(privateKey),
  }
}
