import { describe, expect, test } from 'vitest'
import { loopbackClient } from '../../../../src/account/oauth/clients/loopbackClient.ts'

const wrong = expect.objectContaining({ code: 'invalid_client_metadata' })

describe('a loopback client', () => {
  test.each(['http://localhost', 'http://localhost/', 'http://localhost?', 'http://localhost/?'])(
    '%s may ask for atproto, and be sent to either loopback address',
    (id) => {
      expect(loopbackClient(id)).toMatchObject({
        scope: 'atproto',
        redirectUris: ['http://127.0.0.1/', 'http://[::1]/'],
        applicationType: 'native',
        authMethod: 'none',
        name: undefined,
      })
    },
  )

  test('has scope and redirect URIs in its query', () => {
    const query = new URLSearchParams({ scope: 'atproto transition:generic' })
    query.append('redirect_uri', 'http://127.0.0.1:8080/callback')
    query.append('redirect_uri', 'http://[::1]/callback')
    expect(loopbackClient(`http://localhost?${query}`)).toMatchObject({
      scope: 'atproto transition:generic',
      redirectUris: ['http://127.0.0.1:8080/callback', 'http://[::1]/callback'],
    })
  })

  test.each([
    'https://localhost',
    'http://localhost:80',
    'http://localhost:3000/',
    'http://localhost/client.json',
    'http://localhost/#a',
    'http://localhost?a#b',
    'http://localhost.example.org',
    'http://127.0.0.1',
    'HTTP://localhost',
    ' http://localhost',
  ])('is not %s', (id) => {
    expect(loopbackClient(id)).toBeUndefined()
  })

  test.each([
    ['a scope without atproto', '?scope=transition:generic'],
    ['an empty scope', '?scope='],
    ['two scopes', '?scope=atproto&scope=atproto'],
    ['a scope twice', '?scope=atproto+atproto'],
    ['a quotation mark in the scope', '?scope=atproto+%22'],
    ['two spaces in the scope', '?scope=atproto++a'],
    ['a parameter that is not known', '?client_name=a'],
    ['a redirect to localhost', '?redirect_uri=http://localhost/'],
    ['a redirect to https', '?redirect_uri=https://app.example.org/'],
    ['a redirect to https on loopback', '?redirect_uri=https://127.0.0.1/'],
    ['a redirect to another scheme', '?redirect_uri=org.example.app:/a'],
    ['a redirect to another address', '?redirect_uri=http://10.0.0.1/'],
    ['a redirect with credentials', '?redirect_uri=http://a@127.0.0.1/'],
    ['a redirect with a fragment', '?redirect_uri=http://127.0.0.1/%23a'],
    ['an empty redirect', '?redirect_uri='],
    ['a good redirect and one that is not', '?redirect_uri=http://127.0.0.1/&redirect_uri=http://a/'],
    ['more than 4 KB', `?scope=atproto+${'a'.repeat(4096)}`],
  ])('with %s is refused', (_, query) => {
    expect(() => loopbackClient(`http://localhost${query}`)).toThrow(wrong)
  })
})
