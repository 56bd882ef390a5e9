import { formatDidKey, P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, test } from 'vitest'
import { fromBase64url } from '../../src/crypto/base64url.ts'
import { TokenError } from '../../src/crypto/errors.ts'
import { checkHeader, decodeJws } from '../../src/crypto/jws.ts'
import { type Alg, parsePublicKey, verifyWith } from '../../src/crypto/publicKey.ts'
import { verifyServiceToken } from '../../src/signing/serviceToken.ts'
import { fixture } from '../fixtures/fixture.ts'
import { DID, NOW, part, SERVICE_DID, testSecret } from './support.ts'

interface Vector {
  tcId: number
  name: string
  group: string
  jws: string
  valid: boolean
  refused?: string
}

const { key, tests } = fixture<{
  source: string
  key: { x: string; y: string; d: string }
  tests: Vector[]
}>('wycheproof-jws')

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')
const even = (bytes(key.y).at(-1) ?? 0) % 2 === 0
const publicKey = parsePublicKey(formatDidKey('ES256', Uint8Array.from([even ? 2 : 3, ...bytes(key.x)])))
const LXM = 'com.atproto.server.createAccount'
const iat = Math.floor(NOW / 1000)
const claims = { iss: DID, aud: SERVICE_DID, iat, exp: iat + 60, lxm: LXM, jti: 'a' }

const of = (...groups: string[]): Vector[] => tests.filter(({ group }) => groups.includes(group))
const headerOf = (encoded: string) => JSON.parse(bytes(encoded).toString()) as { alg: string } // of the fixture
const text = (tcId: number): string => tests.find((vector) => vector.tcId === tcId)?.jws ?? ''

// Wycheproof's JSON web signatures, against the reader of tokens and the verifier of service tokens.
describe('Wycheproof for JWS', () => {
  test.each(tests)('$tcId, $name: it has no claims, so it is not a token of ours', ({ jws }) => {
    // The vectors sign the text foo, Test or a number.
    expect(() => decodeJws(jws)).toThrow(expect.objectContaining({ code: 'Malformed' }))
  })

  const signed = of('es256', 'SpecialCaseEs256').filter(({ jws }) => jws.split('.').length === 3)
  test.each(signed)('$tcId, $name: the signature alone, $valid', async ({ jws, valid, refused }) => {
    const [header = '', payload = '', sig = ''] = jws.split('.')
    const found = await verifyWith(publicKey, Buffer.from(`${header}.${payload}`), bytes(sig))
    expect(found).toBe(valid && refused === undefined)
  })

  test.each(of('base64'))('$tcId, $name: each part has only one spelling', ({ tcId, jws }) => {
    const spelled = jws.split('.').every((each) => fromBase64url(each) !== undefined)
    expect(spelled).toBe([357, 376, 377].includes(tcId))
  })

  test.each([1, 357, 376, 377])('%i, a valid MAC: none of our keys accepts it', (tcId) => {
    const [header = '', , mac = ''] = text(tcId).split('.')
    const jws = decodeJws(`${header}.${part(claims)}.${mac}`)
    expect(jws.header.alg).toBe('HS256')
    for (const alg of ['ES256', 'ES256K'] as const)
      expect(() => checkHeader({ ...jws.header, typ: 'JWT' }, 'JWT', alg)).toThrow(
        expect.objectContaining({ code: 'WrongAlg' }),
      )
  })
})

const why = ({ name, group }: Vector): string => {
  if (/None|SymmetryConfusion/.test(name)) return 'WrongAlg'
  const reached = group === 'SpecialCaseEs256' || /Modified|MissingSignature$|Jwk/.test(name)
  return reached ? 'BadSignature' : 'Malformed'
}

// There are no vectors for ES256K. So the same changes are made to service tokens that are otherwise good, for both curves.
describe.each(['ES256', 'ES256K'] as const)('what Wycheproof does to a JWS, to a token of %s', (alg: Alg) => {
  const keypair =
    alg === 'ES256'
      ? P256Keypair.import(bytes(key.d).toString('hex'))
      : Secp256k1Keypair.import(testSecret('jws vectors').reveal())

  /** The vector with our header, claims and signature in place of those of its group. */
  const carry = async ({ jws, group }: Vector): Promise<string> => {
    const valid = text(group === 'hs256' ? 1 : group === 'SpecialCaseEs256' ? 378 : 18)
    const [header = '', , sig = ''] = valid.split('.')
    const theirs = headerOf(header).alg
    const ours = (encoded: string): string => {
      const json = headerOf(encoded)
      return part({ ...json, alg: json.alg === theirs ? alg : json.alg, typ: 'JWT' })
    }
    const payload = part(claims)
    const good = await (await keypair).sign(Buffer.from(`${ours(header)}.${payload}`))
    const signature = Buffer.from(good).toString('base64url')
    return jws
      .replace(sig, signature)
      .replace(sig.slice(1), signature.slice(1)) // the first character was changed
      .replace(/eyJ[\w-]+/, ours)
      .replace(/Zm9v|MTIzNDAw/, payload)
      .replace('WG9v', part({ ...claims, jti: 'b' }))
  }

  const carried = tests.filter(({ group }) => group !== 'base64')
  test.each(carried)('$tcId, $name: $valid', async (vector) => {
    const token = await carry(vector)
    const opts = { didKey: (await keypair).did(), issuer: DID, audiences: [SERVICE_DID], lxm: LXM, now: NOW }
    const taken = verifyServiceToken(token, opts)
    if (vector.valid) expect(await taken).toMatchObject({ iss: DID, jti: 'a' })
    else {
      await expect(taken).rejects.toThrow(TokenError)
      await expect(taken).rejects.toMatchObject({ code: why(vector) })
    }
  })
})
