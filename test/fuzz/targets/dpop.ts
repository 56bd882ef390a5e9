import { createPublicKey, verify } from 'node:crypto'
import { createDpop } from '../../../src/account/oauth/dpop/dpop.ts'
import { OAuthError } from '../../../src/account/oauth/oauthError.ts'
import type { DpopProof } from '../../../src/account/oauth/dpop/types.ts'
import { countingRandom, DPOP_CASE } from '../../fixtures/oauth/dpopVectors.ts'
import { vectorKey } from '../../fixtures/oauth/vectorKey.ts'
import type { Target } from '../engine.ts'
import type { Json } from '../json.ts'
import { parts, wildJws } from './wildJws.ts'

interface Input {
  proof: string
  accessToken?: string
}

const key = await vectorKey('fuzz dpop')
const url = `${DPOP_CASE.origin}${DPOP_CASE.path}`
const iat = Math.floor(DPOP_CASE.now / 1000)
const TOKEN = 'eyJhbGciOiJFUzI1NksifQ.e30.AAAA'
const header: Json = { typ: 'dpop+jwt', alg: 'ES256', jwk: { ...key.jwk } }
const claims = { jti: 'a', htm: 'POST', htu: url, iat, nonce: 'AgICAgICAgICAgICAgICAg' }
const withToken = { ...claims, ath: 'cyRy2tA0O-AZ1jypq5kV3Y0dMKyvQP5gaggqz1mUgWA' }

/** The proof of possession that any request to the authorization server may carry. */
export const dpop: Target<Input, DpopProof> = {
  name: 'dpop',
  typed: [OAuthError],
  generate: async (random) => {
    const accessToken = random.chance(0.2) ? TOKEN : undefined
    const payload = accessToken === undefined ? claims : withToken
    return { proof: await wildJws(key, header, payload, random), accessToken }
  },
  mutate: ({ proof, accessToken }, random, others) => ({
    proof: parts.mutate(
      proof,
      random,
      others.map((it) => it.proof),
    ),
    accessToken,
  }),
  run: ({ proof, accessToken }) => {
    const { now, origin, method } = DPOP_CASE
    const verifier = createDpop({ platform: { now: () => now, random: countingRandom() }, origin })
    return verifier.verify({ proof, accessToken, method, url: `http://127.0.0.1${DPOP_CASE.path}` })
  },
  check: ({ proof }) => {
    const { head, body, signed, signature } = parts.open(proof)
    if (head.typ !== 'dpop+jwt') throw new Error(`typ ${String(head.typ)}`)
    const jwk = Object(head.jwk) as { [name: string]: Json } // an object, or it was not taken
    if ('d' in jwk || 'k' in jwk) throw new Error('a private key')
    // The algorithms that are listed each have one curve.
    const hash = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' }[String(head.alg)]
    if (hash === undefined) throw new Error(`alg ${String(head.alg)}`)
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
    if (!verify(hash, signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
      throw new Error('Node does not verify its signature')
    if (body.htm !== 'POST' || new URL(String(body.htu)).pathname !== DPOP_CASE.path)
      throw new Error('a proof of another request')
    if (Math.abs(Number(body.iat) - iat) > 181) throw new Error(`iat ${String(body.iat)}`)
  },
  show: (input) => JSON.stringify(input),
  parse: (shown) => JSON.parse(shown) as Input, // what `show` gave
}
