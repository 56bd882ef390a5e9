import { formatDidKey } from '@atproto/crypto'
import { describe, expect, test } from 'vitest'
import { checkSignature, decodeJws } from '../../src/crypto/jws.ts'
import { parsePublicKey, verifyWith } from '../../src/crypto/publicKey.ts'
import { fixture } from '../fixtures/fixture.ts'

const atproto = fixture<{
  source: string
  message: string
  signatures: { name: string; key: string; sig: string; valid: boolean }[]
}>('atproto-signatures')
const wycheproof = fixture<{
  source: string
  message: string
  tests: { tcId: number; name: string; key: string; sig: string; valid: boolean }[]
}>('wycheproof-k256')

const base64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

// Published vectors for signatures, against the function that verifies every signature here.
describe('the signatures of the atproto interop files', () => {
  test.each(atproto.signatures)('$name: $valid', async ({ key, sig, valid }) => {
    expect(await verifyWith(parsePublicKey(key), base64(atproto.message), base64(sig))).toBe(valid)
  })
})

describe('the ES256 example of RFC 7515, A.3', () => {
  const x = 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'
  const key = formatDidKey('ES256', Uint8Array.from([3, ...Buffer.from(x, 'base64url')]))
  const signed =
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
  const sig = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'

  test('is decoded; its high s is refused, and the low s of the same signature is accepted', async () => {
    const jws = decodeJws(`${signed}.${sig}`)
    expect(jws.header).toEqual({ alg: 'ES256' })
    expect(jws.payload).toMatchObject({ iss: 'joe', exp: 1300819380 })
    await expect(checkSignature(jws, parsePublicKey(key))).rejects.toMatchObject({ code: 'BadSignature' })
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const s = BigInt(`0x${Buffer.from(jws.signature.subarray(32)).toString('hex')}`)
    const low = hex((order - s).toString(16).padStart(64, '0'))
    const signature = Uint8Array.from([...jws.signature.subarray(0, 32), ...low])
    await checkSignature({ ...jws, signature }, parsePublicKey(key))
  })
})

describe('Wycheproof for secp256k1', () => {
  const HALF = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n >> 1n
  const isLow = (sig: string): boolean => BigInt(`0x${sig.slice(64)}`) <= HALF
  const check = (key: string, sig: string): Promise<boolean> =>
    verifyWith(parsePublicKey(formatDidKey('ES256K', hex(key))), hex(wycheproof.message), hex(sig))

  test.each(wycheproof.tests)('$tcId, $name: $valid', async ({ key, sig, valid }) => {
    // A signature that is valid there and has a high s is refused here, and its low-s form is accepted.
    expect(await check(key, sig)).toBe(valid && isLow(sig))
    if (!valid || isLow(sig)) return
    const other = (HALF * 2n + 1n - BigInt(`0x${sig.slice(64)}`)).toString(16).padStart(64, '0')
    expect(await check(key, sig.slice(0, 64) + other)).toBe(true)
  })

  test('there are vectors of each kind', () => {
    const kinds = wycheproof.tests.map(({ valid, sig }) =>
      valid ? (isLow(sig) ? 'low' : 'high') : 'invalid',
    )
    for (const kind of ['low', 'high', 'invalid'])
      expect(kinds.filter((k) => k === kind).length).toBeGreaterThan(3)
  })
})
