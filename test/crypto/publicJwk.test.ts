import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { importPublicJwk, type JwkAlg, readPublicJwk } from '../../src/crypto/publicJwk.ts'

const refused = expect.objectContaining({ code: 'BadPublicKey' })
const ALGS: JwkAlg[] = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256']

const pairOf = async (alg: string, modulusLength?: number) => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength })
  return { jwk: await exportJWK(publicKey), whole: await exportJWK(privateKey), privateKey }
}

describe.each(ALGS)('a key for %s', (alg) => {
  let pair: Awaited<ReturnType<typeof pairOf>>
  beforeAll(async () => {
    pair = await pairOf(alg)
  })

  test('verifies what it signed, and nothing else', async () => {
    const key = await importPublicJwk(readPublicJwk(pair.jwk, alg), alg)
    const token = await new SignJWT({}).setProtectedHeader({ alg }).sign(pair.privateKey)
    await expect(key.verify(token)).resolves.toBeUndefined()
    const other = await new SignJWT({}).setProtectedHeader({ alg }).sign((await pairOf(alg)).privateKey)
    await expect(key.verify(other)).rejects.toMatchObject({ code: 'BadSignature' })
  })

  test('has the thumbprint that jose gives it, whatever else is told of it', async () => {
    const key = { ...readPublicJwk(pair.jwk, alg), kid: 'a' }
    const { jkt } = await importPublicJwk(key, alg)
    expect(jkt).toBe(await calculateJwkThumbprint(pair.jwk))
  })

  test('is read without the members that are not the key', () => {
    const more = {
      ...pair.jwk,
      use: 'sig',
      alg,
      key_ops: ['verify'],
      ext: true,
      x5u: 'https://evil.example/',
    }
    expect(readPublicJwk(more, alg)).toEqual(readPublicJwk(pair.jwk, alg))
  })

  test('is refused with its private members, for another alg, or another use', () => {
    expect(() => readPublicJwk(pair.whole, alg)).toThrow(refused)
    expect(() => readPublicJwk({ ...pair.jwk, alg: 'HS256' }, alg)).toThrow(refused)
    expect(() => readPublicJwk({ ...pair.jwk, use: 'enc' }, alg)).toThrow(refused)
    for (const other of ALGS.filter((it) => it !== alg && it.slice(1) !== alg.slice(1)))
      expect(() => readPublicJwk(pair.jwk, other)).toThrow(refused)
  })
})

test('a key that is not a point of its curve is refused', async () => {
  const { kty, crv, y } = (await pairOf('ES256')).jwk
  const key = readPublicJwk({ kty, crv, y, x: Buffer.alloc(32, 1).toString('base64url') }, 'ES256')
  await expect(importPublicJwk(key, 'ES256')).rejects.toMatchObject({ code: 'BadPublicKey' })
})

describe('an RSA key', () => {
  const n = (bits: number) => Buffer.alloc(bits / 8, 255).toString('base64url')

  test.each([1024, 2040, 4104, 16_384])('of %i bits is refused', (bits) => {
    expect(() => readPublicJwk({ kty: 'RSA', n: n(bits), e: 'AQAB' }, 'RS256')).toThrow(refused)
  })

  test.each(['AQ', 'Aw', 'AAEAAQ', 'AQAB=', '', undefined])('with the exponent %j is refused', (e) => {
    expect(() => readPublicJwk({ kty: 'RSA', n: n(2048), e }, 'RS256')).toThrow(refused)
  })

  test('whose modulus begins with a zero is refused', () => {
    const bytes = Buffer.from(n(2048), 'base64url')
    const zero = Buffer.concat([Buffer.alloc(1), bytes]).toString('base64url')
    expect(() => readPublicJwk({ kty: 'RSA', n: zero, e: 'AQAB' }, 'RS256')).toThrow(refused)
  })
})

test.each([undefined, null, 'a', 1, [], {}])('%j is not a key', (jwk) => {
  for (const alg of ALGS) expect(() => readPublicJwk(jwk, alg)).toThrow(refused)
})
