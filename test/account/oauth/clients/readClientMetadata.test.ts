import { exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { readClientMetadata } from '../../../../src/account/oauth/clients/readClientMetadata.ts'
import { confidentialDocument, ID, publicDocument } from '../support/clientWorld.ts'

const wrong = expect.objectContaining({ code: 'invalid_client_metadata' })
const read = (document: unknown, dev = false) => readClientMetadata(document, new URL(ID), { dev })

let jwk: object
let privateJwk: object
beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  jwk = { ...(await exportJWK(publicKey)), kid: 'a' }
  privateJwk = { ...(await exportJWK(privateKey)), kid: 'a' }
})

describe('a document', () => {
  test.each([undefined, null, 'a', 1, [], [publicDocument()]])('that is %j is refused', (document) => {
    expect(() => read(document)).toThrow(wrong)
  })

  test.each([
    ['no client_id', { client_id: undefined }],
    ['another client_id', { client_id: 'https://other.example.org/client.json' }],
    ['its client_id in another spelling', { client_id: ID.replace('app', 'APP') }],
    ['no scope', { scope: undefined }],
    ['a scope without atproto', { scope: 'transition:generic' }],
    ['a scope that only begins with atproto', { scope: 'atproto2' }],
    ['a scope twice', { scope: 'atproto a a' }],
    ['a scope that is a list', { scope: ['atproto'] }],
    ['a scope with a tab', { scope: 'atproto\ta' }],
    ['a scope with a space at its end', { scope: 'atproto ' }],
    ['a scope of more than 16 KB', { scope: `atproto ${'a'.repeat(16 * 1024)}` }],
    ['tokens that are not bound to keys', { dpop_bound_access_tokens: false }],
    ['dpop_bound_access_tokens in words', { dpop_bound_access_tokens: 'true' }],
    ['nothing about its tokens', { dpop_bound_access_tokens: undefined }],
    ['other response types', { response_types: ['token'] }],
    ['response_types that is a string', { response_types: 'code' }],
    ['no response types', { response_types: [] }],
    ['another grant type', { grant_types: ['authorization_code', 'implicit'] }],
    ['client credentials', { grant_types: ['authorization_code', 'client_credentials'] }],
    ['refreshing only', { grant_types: ['refresh_token'] }],
    ['types of authorization details', { authorization_details_types: ['a'] }],
    ['no auth method, which means client_secret_basic', { token_endpoint_auth_method: undefined }],
    ['a client secret', { token_endpoint_auth_method: 'client_secret_post' }],
    ['an alg for no method', { token_endpoint_auth_signing_alg: 'ES256' }],
    ['both kinds of keys', { jwks: { keys: [] }, jwks_uri: 'https://app.example.org/jwks.json' }],
    ['another application type', { application_type: 'desktop' }],
    ['pairwise subjects', { subject_type: 'pairwise' }],
    ['mutual TLS', { tls_client_certificate_bound_access_tokens: true }],
    ['encrypted answers', { authorization_encrypted_response_alg: 'RSA-OAEP' }],
    ['a default max age', { default_max_age: 60 }],
    ['an alg for ID tokens', { id_token_signed_response_alg: 'RS256' }],
    ['no redirects', { redirect_uris: [] }],
    ['redirect_uris that is a string', { redirect_uris: 'https://app.example.org/' }],
    ['a redirect that is a number', { redirect_uris: [1] }],
    ['a redirect to loopback of a web client', { redirect_uris: ['http://127.0.0.1/'] }],
    ['a redirect to script', { redirect_uris: ['javascript:alert(1)'] }],
    ['101 redirects', { redirect_uris: Array.from({ length: 101 }, (_, n) => `https://a.example.org/${n}`) }],
    ['a page on another origin', { client_uri: 'https://other.example.org/' }],
    ['a page on another port', { client_uri: 'https://app.example.org:8443/' }],
    ['a page on http', { client_uri: 'http://app.example.org/' }],
    ['a page that is not above it', { client_uri: 'https://app.example.org/other' }],
    ['a page that is only spelled above it', { client_uri: 'https://app.example.org/client' }],
    ['a page that is script', { client_uri: 'javascript:alert(1)' }],
    ['a name that is an object', { client_name: {} }],
  ])('with %s is refused', (_, members) => {
    expect(() => read(publicDocument(members))).toThrow(wrong)
  })

  test('says nothing that is kept in more than 64 KB', () => {
    const redirect_uris = Array.from(
      { length: 60 },
      (_, n) => `https://a.example.org/${n}${'a'.repeat(1500)}`,
    )
    expect(() => read(publicDocument({ redirect_uris }))).toThrow(wrong)
  })

  test('may leave out what has a default', () => {
    const absent = {
      response_types: undefined,
      grant_types: undefined,
      application_type: undefined,
      client_name: undefined,
    }
    expect(read(publicDocument(absent))).toMatchObject({ applicationType: 'web', name: undefined })
  })

  test('may have members that are not known, and a logo, which nobody fetches', () => {
    const more = { logo_uri: 'http://169.254.169.254/', policy_uri: 1, software_id: {} }
    expect(read(publicDocument(more))).toEqual(read(publicDocument()))
  })
})

describe('the name that a client claims', () => {
  test.each([
    ['An app', 'An app'],
    ['Ünïcode 日本語 😀', 'Ünïcode 日本語 😀'],
    ['two\r\nlines\tand  spaces', 'two lines and spaces'],
    ['right\u202eto left', 'right to left'],
    ['\u200b\ufeff', undefined],
    ['a\0b\u001b[31m', 'a b [31m'],
    ['', undefined],
    ['x'.repeat(1000), 'x'.repeat(100)],
    [`${'x'.repeat(99)}😀`, 'x'.repeat(99)],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
  ])('%j is shown as %j', (claimed, name) => {
    expect(read(publicDocument({ client_name: claimed })).name).toBe(name)
  })
})

describe('a confidential client', () => {
  test('has keys for the alg that it declares', () => {
    const { authMethod, authAlg, jwks, jwksUri } = read(confidentialDocument({ jwks: { keys: [jwk] } }))
    expect({ authMethod, authAlg, jwks, jwksUri }).toEqual({
      authMethod: 'private_key_jwt',
      authAlg: 'ES256',
      jwks: { keys: [jwk] },
      jwksUri: undefined,
    })
  })

  test('may have keys that are for others, which are left out', () => {
    const keys = [
      null,
      { kty: 'oct', k: 'a', kid: 'b' },
      { ...jwk, kid: undefined },
      jwk,
      { ...jwk, use: 'enc' },
      { ...jwk, key_ops: ['sign'] },
    ]
    expect(read(confidentialDocument({ jwks: { keys } })).jwks).toEqual({ keys: [jwk] })
  })

  test('that publishes its private key has no key', () => {
    expect(() => read(confidentialDocument({ jwks: { keys: [privateJwk] } }))).toThrow(wrong)
  })

  test.each([
    ['no keys', {}],
    ['an empty JWKS', { jwks: { keys: [] } }],
    ['a list for a JWKS', { jwks: [] }],
    ['keys without a kid', { jwks: { keys: [{ kty: 'EC' }] } }],
    ['an address that is not https', { jwks_uri: 'http://app.example.org/jwks.json' }],
    ['an address of a private network', { jwks_uri: 'https://192.168.0.1/jwks.json' }],
    ['the address of metadata services', { jwks_uri: 'https://169.254.169.254/' }],
    ['a local name', { jwks_uri: 'https://jwks.internal/' }],
    ['an address with credentials', { jwks_uri: 'https://a:b@app.example.org/jwks.json' }],
    ['another port', { jwks_uri: 'https://app.example.org:22/jwks.json' }],
    ['a file', { jwks_uri: 'file:///etc/passwd' }],
    ['an address that is a number', { jwks_uri: 1 }],
    ['an alg that is not supported', { token_endpoint_auth_signing_alg: 'HS256', jwks: { keys: [] } }],
    [
      'the alg none',
      { token_endpoint_auth_signing_alg: 'none', jwks_uri: 'https://app.example.org/jwks.json' },
    ],
    ['no alg', { token_endpoint_auth_signing_alg: undefined, jwks_uri: 'https://app.example.org/jwks.json' }],
    ['the type native', { application_type: 'native', jwks_uri: 'https://app.example.org/jwks.json' }],
  ])('is refused with %s', (_, members) => {
    expect(() => read(confidentialDocument(members))).toThrow(wrong)
  })

  test('may have its keys anywhere that can be fetched; in development also on loopback', () => {
    const at = (jwks_uri: string, dev = false) => read(confidentialDocument({ jwks_uri }), dev).jwksUri
    expect(at('https://keys.example.org/jwks')).toBe('https://keys.example.org/jwks')
    expect(at('http://127.0.0.1:3000/jwks', true)).toBe('http://127.0.0.1:3000/jwks')
    expect(() => at('http://127.0.0.1:3000/jwks')).toThrow(wrong)
  })
})
