import { createPublicKey, verify } from 'node:crypto'
import { OAuthError } from '../../../src/account/oauth/oauthError.ts'
import { confidentialDocument, createClientWorld, ID } from '../../account/oauth/support/clientWorld.ts'
import { ASSERTION_CASE, assertionJwks } from '../../fixtures/oauth/assertionVectors.ts'
import { vectorKey } from '../../fixtures/oauth/vectorKey.ts'
import type { Target } from '../engine.ts'
import type { Json } from '../json.ts'
import { plain } from './same.ts'
import { parts, wildJws } from './wildJws.ts'

const key = await vectorKey('vectors: assertion')
const jwks = await assertionJwks()
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const { clientId, issuer, now } = ASSERTION_CASE
const iat = Math.floor(now / 1000)
const header: Json = { typ: 'JWT', alg: 'ES256', kid: 'key 1' }
const claims: Json = { iss: clientId, sub: clientId, aud: issuer, iat, exp: iat + 60, jti: 'a' }

/** What a confidential client proves itself with. */
export const assertion: Target<string, string> = {
  name: 'assertion',
  typed: [OAuthError],
  generate: (random) => wildJws(key, header, claims, random),
  run: async (token) => {
    const { clients, pages } = createClientWorld()
    pages.set(ID, confidentialDocument({ jwks }))
    const { auth } = await clients.authenticate({
      clientId,
      assertionType,
      assertion: token,
      dpopJkt: undefined,
    })
    return auth.method
  },
  check: (token, method) => {
    if (method !== 'private_key_jwt') throw new Error(`authenticated by ${method}`)
    const { head, body, signed, signature } = parts.open(token)
    const jwk = jwks.keys.find(({ kid }) => kid === head.kid)
    if (!jwk || head.alg !== 'ES256') throw new Error(`alg ${String(head.alg)} and kid ${String(head.kid)}`)
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
    if (!verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
      throw new Error('Node does not verify its signature')
    if (body.iss !== clientId || body.sub !== clientId) throw new Error('of another client')
    if (![body.aud].flat().includes(issuer)) throw new Error('for another server')
    if (Math.abs(Number(body.iat) - iat) > 61) throw new Error(`iat ${String(body.iat)}`)
  },
  ...plain,
  mutate: parts.mutate,
}
