import { describe, expect, test } from 'vitest'
import { readClientId } from '../../../../src/account/oauth/clients/readClientId.ts'

const wrong = expect.objectContaining({ code: 'invalid_client_metadata' })
const read = (id: string, dev = false) => readClientId(id, { dev }).href

describe('the id of a client', () => {
  test.each([
    'https://app.example.org/client.json',
    'https://app.example.org/a',
    'https://app.example.org/a?b=c',
    'https://xn--bcher-kva.example.org/oauth/client-metadata.json',
    'https://app.example.org/~a/%7Eb',
  ])('%s may be fetched', (id) => {
    expect(read(id)).toBe(id)
    expect(read(id, true)).toBe(id)
  })

  test.each([
    ['nothing', ''],
    ['a name', 'app'],
    ['another scheme', 'ftp://app.example.org/client.json'],
    ['http', 'http://app.example.org/client.json'],
    ['a DID', 'did:web:app.example.org'],
    ['data', 'data:application/json,{}'],
    ['no path', 'https://app.example.org'],
    ['the path /', 'https://app.example.org/'],
    ['a slash at the end', 'https://app.example.org/client/'],
    ['a slash at the end, before a query', 'https://app.example.org/client/?a'],
    ['a user name', 'https://a@app.example.org/client.json'],
    ['a password', 'https://a:b@app.example.org/client.json'],
    ['an empty user name', 'https://@app.example.org/client.json'],
    ['a fragment', 'https://app.example.org/client.json#a'],
    ['an empty fragment', 'https://app.example.org/client.json#'],
    ['another port', 'https://app.example.org:8443/client.json'],
    ['its own port', 'https://app.example.org:443/client.json'],
    ['an IPv4 address', 'https://93.184.216.34/client.json'],
    ['an IPv4 address as one number', 'https://1572395042/client.json'],
    ['an IPv4 address in hex', 'https://0x5db8d822/client.json'],
    ['an IPv6 address', 'https://[2606:2800:220:1::1]/client.json'],
    ['a private address', 'https://10.0.0.1/client.json'],
    ['the address of metadata services', 'https://169.254.169.254/latest/meta-data'],
    ['a name that holds a private address', 'https://10-0-0-1.sslip.io/client.json'],
    ['a name for loopback', 'https://a.localtest.me/client.json'],
    ['localhost', 'https://localhost/client.json'],
    ['a loopback address', 'http://127.0.0.1/client.json'],
    ['a name of one label', 'https://intranet/client.json'],
    ['a .test name', 'https://app.test/client.json'],
    ['a .local name', 'https://app.local/client.json'],
    ['a .localhost name', 'https://app.localhost/client.json'],
    ['an .invalid name', 'https://app.invalid/client.json'],
    ['an .example name', 'https://app.example/client.json'],
    ['an .internal name', 'https://metadata.internal/client.json'],
    ['a name with a dot at its end', 'https://app.example.org./client.json'],
    [
      'a blob of a PDS',
      'https://pds.example.org/xrpc/com.atproto.sync.getBlob?did=did:plc:ewvi7nxzyoun6zhxrhs64oiz&cid=bafkrei',
    ],
    ['a blob by another spelling', 'https://pds.example.org//XRPC/com.atproto.sync.getBlob?did=a&cid=b'],
    ['capitals in the name', 'https://APP.example.org/client.json'],
    ['capitals in the scheme', 'HTTPS://app.example.org/client.json'],
    ['full-width letters', 'https://ａpp.example.org/client.json'],
    ['letters that are not ASCII', 'https://bücher.example.org/client.json'],
    ['dots in the path', 'https://app.example.org/a/../client.json'],
    ['dots that are percent-encoded', 'https://app.example.org/a/%2e%2e/client.json'],
    ['back slashes', 'https:\\\\app.example.org\\client.json'],
    ['white space', ' https://app.example.org/client.json'],
    ['a tab', 'https://app.example.org/cli\tent.json'],
    ['a line break', 'https://app.example.org/client.json\n'],
    ['a quotation mark', 'https://app.example.org/"client.json'],
    ['more than 4 KB', `https://app.example.org/${'a'.repeat(4096)}`],
  ])('is refused with %s', (_, id) => {
    expect(() => read(id)).toThrow(wrong)
  })

  test('may be a loopback address in development, with a path', () => {
    for (const host of [
      'http://localhost:3000',
      'http://127.0.0.1:3000',
      'http://[::1]:3000',
      'http://localhost',
    ])
      expect(read(`${host}/client.json`, true)).toBe(`${host}/client.json`)
    expect(() => read('http://localhost:3000/', true)).toThrow(wrong)
    expect(() => read('http://192.168.0.1/client.json', true)).toThrow(wrong)
    expect(() => read('http://app.example.org/client.json', true)).toThrow(wrong)
  })
})
