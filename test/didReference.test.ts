import { isAtprotoDidRefAbsolute as ofPackage } from '@atproto/oauth-scopes'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bundleWorker } from '../dev/bundle.ts'
import { isAtprotoDidRefAbsolute } from '../src/didReference.ts'

const CASES: [value: unknown, isReference: boolean][] = [
  ['did:web:api.bsky.app#bsky_appview', true],
  ['did:plc:ewvi7nxzyoun6zhxrhs64oiz#atproto_pds', true],
  ['did:web:localhost#x', true],
  ['did:web:localhost%3A3000#x', true],
  ['did:web:localhost%3Ax#x', false],
  ['did:web:example.com%3A443#x', false],
  ['did:web:example.com:path#x', false],
  ['did:web:example.com#', false],
  ['did:web:example.com', false],
  ['did:web:example.com#a#b', false],
  ['did:web:#a', false],
  ['did:web::a#a', false],
  ['did:web:a%2Fb#a', false],
  ['did:web:a%2fb#a', false],
  ['did:web:a%6#a', false],
  ['did:web:example.com#%zz', false],
  ['did:web:example.com#%aF', true],
  ['did:web:example.com#a b', false],
  [`did:web:${'a'.repeat(2040)}#a`, true],
  [`did:web:${'a'.repeat(2041)}#a`, false],
  ['did:plc:ewvi7nxzyoun6zhxrhs64oi1#a', false],
  ['did:plc:short#a', false],
  ['did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme#a', false],
  ['#a', false],
  [undefined, false],
  [1, false],
]

test.each(CASES)('%s is a reference to a service, or not, as for the package', (value, isReference) => {
  expect(isAtprotoDidRefAbsolute(value)).toBe(isReference)
  expect(ofPackage(value)).toBe(isReference)
})

test('whatever the text, the answer is that of the package', () => {
  const pieces = [
    'did:',
    'web:',
    'plc:',
    'localhost',
    'a.example',
    '%3A',
    '%41',
    '%',
    ':',
    '#',
    '_',
    '~',
    '8',
    'ä',
  ]
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 }))
  const text = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''))
  const prefixed = fc.tuple(fc.constantFrom('did:web:', 'did:plc:', ''), text, text)
  fc.assert(
    fc.property(prefixed, ([prefix, name, fragment]) => {
      const value = `${prefix}${name}#${fragment}`
      expect(isAtprotoDidRefAbsolute(value)).toBe(ofPackage(value))
    }),
    { numRuns: 5000 },
  )
})

test('a bundle with the scopes has it in place of the package', async () => {
  const { code } = await bundleWorker({ main: 'src/account/oauth/scopes/readPermissions.ts' })
  expect(code).toContain('isAtprotoDidRefAbsolute')
  expect(code).not.toContain('InvalidDidError')
})
