import { expect, test } from 'vitest'
import { OAuthError } from '../../../../src/account/oauth/oauthError.ts'
import { createScopes } from '../../../../src/account/oauth/scopes/scopes.ts'
import type { Client } from '../../../../src/account/oauth/clients/types.ts'

const client = (scope: string): Client => ({
  id: 'https://app.example/client.json',
  kind: 'discoverable',
  metadata: {
    scope,
    redirectUris: ['https://app.example/callback'],
    applicationType: 'web',
    authMethod: 'none',
    authAlg: undefined,
    jwks: undefined,
    jwksUri: undefined,
    name: undefined,
    uri: undefined,
  },
})

const { requested, expand } = createScopes({
  permissionSets: {
    find: async (nsid, network) => {
      if (nsid === 'com.example.none') throw new OAuthError('invalid_scope', `none for ${network}`)
      return {
        type: 'permission-set',
        permissions: [
          { type: 'permission', resource: 'repo', collection: ['com.example.note', 'com.other.note'] },
          { type: 'permission', resource: 'repo', collection: ['com.example.note'], action: ['create'] },
          { type: 'permission', resource: 'repo', collection: ['*'] },
          { type: 'permission', resource: 'rpc', lxm: ['com.example.getNote'], inheritAud: true },
          { type: 'permission', resource: 'rpc', lxm: ['com.example.getPublic'], aud: '*' },
          { type: 'permission', resource: 'blob', accept: ['*/*'] },
          { type: 'permission', resource: 'identity', attr: '*' },
          { type: 'permission', resource: 'account', attr: 'repo', action: ['manage'] },
        ],
      }
    },
  },
})

test('what is declared and known is asked for, each once, as it is written', () => {
  const scope = 'atproto repo:app.bsky.feed.post?action=update&action=create blob:*/*'
  expect(requested(`${scope} blob:*/*`, client(scope))).toBe(scope)
})

test('a scope that this server does not know is left out, so that a client of tomorrow can sign in today', () => {
  const scope = 'atproto space:com.example repo:not-an-nsid repo:% rpc:*?aud=* blob:image/png'
  expect(requested(scope, client(scope))).toBe('atproto blob:image/png')
})

test.each<[scope: string, declared: string, message: string]>([
  ['atproto blob:*/*', 'atproto', '"blob:*/*" is not declared'],
  ['atproto unknown', 'atproto', '"unknown" is not declared'],
  // A declared scope covers what is written the same: the reference compares the strings, too.
  ['atproto repo:app.bsky.feed.post', 'atproto repo:*', 'not declared'],
  ['transition:generic', 'atproto transition:generic', '"atproto" is required'],
  ['atproto openid', 'atproto openid', 'openid'],
  ['', 'atproto', 'one space'],
  ['atproto  blob:*/*', 'atproto blob:*/*', 'one space'],
  ['atproto "x"', 'atproto "x"', 'one space'],
  ['atproto\u00a0x', 'atproto', 'one space'],
  [`atproto ${'x'.repeat(16 * 1024)}`, 'atproto', 'more than 16384 characters'],
  [
    `atproto ${Array.from({ length: 21 }, (_, n) => `include:com.example.set${n}`).join(' ')}`,
    `atproto ${Array.from({ length: 21 }, (_, n) => `include:com.example.set${n}`).join(' ')}`,
    'more than 20 permission sets',
  ],
])('"%s" of a client that declares "%s" is refused', (scope, declared, message) => {
  expect(() => requested(scope, client(declared))).toThrow(
    expect.objectContaining({ code: 'invalid_scope', message: expect.stringContaining(message) }),
  )
})

test('a permission set becomes its permissions for records and methods below its own group, and nothing else', async () => {
  expect(await expand('atproto blob:image/png')).toBe('atproto blob:image/png')
  expect(await expand('atproto include:com.example.basic?aud=did:web:api.example%23notes')).toBe(
    'atproto repo:com.example.note?action=create ' +
      'rpc:com.example.getNote?aud=did:web:api.example%23notes rpc:com.example.getPublic?aud=*',
  )
  expect(await expand('include:com.example.basic include:com.example.basic')).toBe(
    'repo:com.example.note?action=create rpc:com.example.getPublic?aud=*',
  )
})

test('a set that cannot be had refuses the whole scope', async () => {
  await expect(expand('atproto include:com.example.none', '192.0.2.1')).rejects.toMatchObject({
    code: 'invalid_scope',
    message: 'none for 192.0.2.1',
  })
})
