import { describe, expect, test } from 'vitest'
import { isDeclaredRedirect } from '../../../../src/account/oauth/clients/isDeclaredRedirect.ts'
import { redirectProblem } from '../../../../src/account/oauth/clients/redirectProblem.ts'

const host = 'app.example.org'
const problem = (uri: string, isNative: boolean) => redirectProblem(uri, { isNative, host })

describe('a redirect URI that a client may declare', () => {
  test.each([
    'https://app.example.org/callback',
    'https://app.example.org',
    'https://other.example.org/callback?a=b',
    'https://app.example.org:8443/',
    'https://93.184.216.34/',
  ])('%s, of any client', (uri) => {
    expect(problem(uri, false)).toBeUndefined()
    expect(problem(uri, true)).toBeUndefined()
  })

  test.each([
    'http://127.0.0.1/',
    'http://127.0.0.1:8080/callback',
    'http://[::1]/callback',
    'org.example.app:/callback',
    'org.example.app:/',
  ])('%s, of a native client only', (uri) => {
    expect(problem(uri, true)).toBeUndefined()
    expect(problem(uri, false)).toBeDefined()
  })
})

describe('a redirect URI that nobody may declare', () => {
  test.each([
    ['nothing', ''],
    ['a path', '/callback'],
    ['http on a public name', 'http://app.example.org/'],
    ['localhost', 'http://localhost/'],
    ['localhost on https', 'https://localhost/'],
    ['a loopback address on https', 'https://127.0.0.1/'],
    ['another loopback address', 'http://127.0.0.2/'],
    ['a name of one label', 'https://intranet/'],
    ['a .test name', 'https://app.test/'],
    ['a .local name', 'https://app.local/'],
    ['credentials', 'https://a:b@app.example.org/'],
    ['a fragment', 'https://app.example.org/#a'],
    ['javascript', 'javascript:alert(1)'],
    ['javascript with a dot', 'javascript.x:alert(1)'],
    ['data', 'data:text/html,a'],
    ['a scheme without a dot', 'app:/callback'],
    ['the scheme of another host', 'com.example.app:/callback'],
    ['a scheme that ours begins with', 'org.example:/callback'],
    ['a scheme that begins with ours', 'org.example.app.evil:/callback'],
    ['our scheme with two slashes', 'org.example.app://callback'],
    ['our scheme without a slash', 'org.example.app:callback'],
    ['a line break', 'https://app.example.org/\r\nset-cookie:a=b'],
    ['a tab', 'https://app.example.org/\ta'],
    ['white space', ' https://app.example.org/'],
    ['letters that are not ASCII', 'https://app.example.org/ü'],
    ['one slash', 'https:/app.example.org/'],
    ['back slashes', 'https:\\\\app.example.org/'],
    ['capitals in the scheme', 'HTTPS://app.example.org/'],
    ['more than 2 KB', `https://app.example.org/${'a'.repeat(2048)}`],
  ])('%s', (_, uri) => {
    expect(problem(uri, true)).toBeDefined()
    expect(problem(uri, false)).toBeDefined()
  })

  test.each([undefined, null, 1, ['https://app.example.org/'], {}])('%j', (uri) => {
    expect(redirectProblem(uri, { isNative: true, host })).toBeDefined()
  })
})

describe('where a client may be sent', () => {
  const redirectUris = [
    'https://app.example.org/callback',
    'http://127.0.0.1/callback?a=b',
    'http://[::1]:4000/callback',
    'org.example.app:/callback',
  ]
  const may = (uri: string) => isDeclaredRedirect({ redirectUris }, uri)

  test('is what it declares, exactly', () => {
    for (const uri of redirectUris) expect(may(uri)).toBe(true)
    for (const uri of [
      'https://app.example.org/callback/',
      'https://app.example.org/Callback',
      'https://app.example.org/callback?a=b',
      'https://app.example.org/callback#a',
      'https://app.example.org:443/callback',
      'https://app.example.org:8443/callback',
      'https://app.example.org/a/../callback',
      'https://APP.example.org/callback',
      'https://app.example.org.evil.example/callback',
      'https://app.example.org@evil.example/callback',
      'org.example.app:/callback/a',
      '',
    ])
      expect([uri, may(uri)]).toEqual([uri, false])
  })

  test('is any port of a loopback address that is declared without one', () => {
    for (const port of ['1', '80', '8080', '65535'])
      expect(may(`http://127.0.0.1:${port}/callback?a=b`)).toBe(true)
    for (const uri of [
      'http://127.0.0.1:8080/callback',
      'http://127.0.0.1:8080/callback?a=c',
      'http://127.0.0.1:8080/other?a=b',
      'http://127.0.0.1:8080/callback?a=b#c',
      'http://a@127.0.0.1:8080/callback?a=b',
      'http://localhost:8080/callback?a=b',
      'http://[::1]:8080/callback?a=b',
      'https://127.0.0.1:8080/callback?a=b',
      'http://127.0.0.1:99999/callback?a=b',
      'http://127.0.0.1:8080/call\tback?a=b',
      ' http://127.0.0.1:8080/callback?a=b',
    ])
      expect([uri, may(uri)]).toEqual([uri, false])
  })

  test('is no other port of one that is declared with one', () => {
    expect(may('http://[::1]:4001/callback')).toBe(false)
    expect(may('http://[::1]/callback')).toBe(false)
  })
})
