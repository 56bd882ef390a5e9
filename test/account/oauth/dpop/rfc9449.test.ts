import { calculateJwkThumbprint } from 'jose'
import { expect, test } from 'vitest'
import { createDpop } from '../../../../src/account/oauth/dpop/dpop.ts'
import { importPublicJwk, readPublicJwk } from '../../../../src/crypto/publicJwk.ts'
import { testRandom } from '../../../crypto/support.ts'
import { hash } from '../support/dpopClient.ts'

// RFC 9449, figures 2 and 12: the proofs have no nonce, so what a server that requires one says to them is that alone.
const HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19'
const TOKEN_PROOF = `${HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg`
const RESOURCE_PROOF = `${HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA`
const ACCESS_TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
const JWK = {
  kty: 'EC',
  x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
  y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
  crv: 'P-256',
}
const RSA_JWK = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
  alg: 'RS256',
  kid: '2011-04-29',
}

const at = (origin: string, seconds: number) =>
  createDpop({ platform: { now: () => seconds * 1000, random: testRandom() }, origin })

test('the proofs of RFC 9449 verify, and lack only a nonce', async () => {
  const server = at('https://server.example.com', 1562262616)
  const request = { proof: TOKEN_PROOF, method: 'POST', url: 'https://server.example.com/token' }
  await expect(server.verify(request)).rejects.toMatchObject({ code: 'use_dpop_nonce' })
  await expect(server.verify({ ...request, method: 'GET' })).rejects.toMatchObject({
    code: 'invalid_dpop_proof',
  })

  const resource = at('https://resource.example.org', 1562262618)
  const url = 'https://resource.example.org/protectedresource'
  const call = { proof: RESOURCE_PROOF, method: 'GET', url, accessToken: ACCESS_TOKEN }
  await expect(resource.verify(call)).rejects.toMatchObject({ code: 'use_dpop_nonce' })
  expect(hash(ACCESS_TOKEN)).toBe('fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo')
})

test('the key of RFC 9449 has the thumbprint of its section 6.1', async () => {
  const { jkt } = await importPublicJwk(readPublicJwk(JWK, 'ES256'), 'ES256')
  expect(jkt).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
})

test('the key of RFC 7638 has the thumbprint of its section 3.1', async () => {
  const key = readPublicJwk(RSA_JWK, 'RS256')
  expect((await importPublicJwk(key, 'RS256')).jkt).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  expect(await calculateJwkThumbprint(RSA_JWK)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})
