import { ScopePermissionsTransition } from '@atproto/oauth-scopes'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPermissions } from '../../../../src/account/oauth/scopes/readPermissions.ts'
import { scopeNeeded } from '../../../../src/account/oauth/scopes/scopeNeeded.ts'
import type { ScopeNeed } from '../../../../src/account/oauth/scopes/types.ts'
import { anyScope } from './anyScope.ts'

const APPVIEW = 'did:web:api.bsky.app#bsky_appview'
const post = (action: 'create' | 'update' | 'delete'): ScopeNeed => ({
  resource: 'repo',
  collection: 'app.bsky.feed.post',
  action,
})
const rpc = (lxm: string, aud = APPVIEW): ScopeNeed => ({ resource: 'rpc', lxm, aud })
const blob = (mime: string): ScopeNeed => ({ resource: 'blob', mime })
const account = (attr: 'email' | 'repo' | 'status', action: 'read' | 'manage'): ScopeNeed => ({
  resource: 'account',
  attr,
  action,
})
const identity = (attr: 'handle' | '*'): ScopeNeed => ({ resource: 'identity', attr })

const EVERY_NEED: ScopeNeed[] = [
  ...(['create', 'update', 'delete'] as const).flatMap((action) => [
    post(action),
    { resource: 'repo' as const, collection: 'com.example.note', action },
  ]),
  rpc('app.bsky.feed.getTimeline'),
  rpc('chat.bsky.convo.sendMessage', 'did:web:api.bsky.chat#bsky_chat'),
  rpc('app.bsky.feed.post', '*'),
  rpc('*'),
  rpc('*', '*'),
  blob('image/png'),
  blob('video/mp4'),
  blob('text/plain; charset=utf-8'),
  blob('*/*'),
  ...(['email', 'repo', 'status'] as const).flatMap((attr) => [
    account(attr, 'read'),
    account(attr, 'manage'),
  ]),
  identity('handle'),
  identity('*'),
]

/** What the library says, which throws where it cannot decode a scope: those are left out before it is asked. */
const ofLibrary = (scope: string, need: ScopeNeed): boolean => {
  const permissions = new ScopePermissionsTransition(
    scope.split(' ').filter((value) => {
      try {
        new ScopePermissionsTransition(value).allowsRepo({ collection: 'a.b.c', action: 'create' })
        decodeURIComponent(/:([^?]*)/.exec(value)?.[1] ?? '')
        return true
      } catch {
        return false
      }
    }),
  )
  switch (need.resource) {
    case 'account':
      return permissions.allowsAccount(need)
    case 'blob':
      return permissions.allowsBlob(need)
    case 'identity':
      return permissions.allowsIdentity(need)
    case 'repo':
      return permissions.allowsRepo(need)
    case 'rpc':
      return permissions.allowsRpc(need)
  }
}

test.each<[scope: string, allowed: ScopeNeed[], refused: ScopeNeed[]]>([
  ['', [], EVERY_NEED],
  ['atproto', [], EVERY_NEED],
  ['atproto nonsense repo:% rpc:*?aud=*', [], EVERY_NEED],
  [
    'atproto transition:generic',
    [post('create'), rpc('app.bsky.feed.getTimeline'), rpc('*'), blob('image/png')],
    [
      rpc('chat.bsky.convo.sendMessage'),
      rpc('Chat.bsky.convo.sendMessage'),
      rpc('com.atproto.server.createAccount'),
      rpc('com.atproto.server.CreateAccount'),
      account('email', 'read'),
      identity('handle'),
      account('repo', 'manage'),
    ],
  ],
  [
    'transition:chat.bsky',
    [rpc('chat.bsky.convo.listConvos')],
    [rpc('app.bsky.feed.getTimeline'), post('create')],
  ],
  ['transition:email', [account('email', 'read')], [account('email', 'manage')]],
  ['repo:app.bsky.feed.post?action=create', [post('create')], [post('update'), post('delete')]],
  [
    'account:status?action=manage',
    [account('status', 'read'), account('status', 'manage')],
    [account('repo', 'read')],
  ],
  ['identity:*', [identity('handle'), identity('*')], [post('create')]],
  ['identity:handle', [identity('handle')], [identity('*')]],
  ['blob:image/*', [blob('image/png')], [blob('video/mp4'), blob('*/*')]],
  [
    `rpc:app.bsky.feed.getTimeline?aud=${APPVIEW}`,
    [rpc('app.bsky.feed.getTimeline')],
    [rpc('*'), rpc('app.bsky.feed.getTimeline', 'did:web:other.example#x')],
  ],
  ['include:app.bsky.authFullApp', [], EVERY_NEED],
])('"%s" allows what it names and nothing else', (scope, allowed, refused) => {
  const permissions = readPermissions(scope)
  for (const need of allowed) expect([need, permissions.allows(need)]).toEqual([need, true])
  for (const need of refused) expect([need, permissions.allows(need)]).toEqual([need, false])
})

test('whatever the scope, it allows what the library says', () => {
  fc.assert(
    fc.property(anyScope, fc.constantFrom(...EVERY_NEED), (scope, need) => {
      expect(readPermissions(scope).allows(need)).toBe(ofLibrary(scope, need))
    }),
    { numRuns: 3000 },
  )
})

test('the scope that is named as missing would have sufficed', () => {
  expect(scopeNeeded(post('create'))).toBe('repo:app.bsky.feed.post?action=create')
  expect(scopeNeeded(rpc('app.bsky.feed.getTimeline'))).toBe(
    'rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app%23bsky_appview',
  )
  expect(scopeNeeded(blob('image/png'))).toBe('blob:image/png')
  expect(scopeNeeded(account('email', 'read'))).toBe('account:email')
  expect(scopeNeeded(account('status', 'manage'))).toBe('account:status?action=manage')
  expect(scopeNeeded(identity('*'))).toBe('identity:*')
  // Neither all methods of every service nor a type that is none can be granted.
  const grantable = EVERY_NEED.filter(
    (need) => scopeNeeded(need) !== 'rpc:*?aud=*' && !(need.resource === 'blob' && /[*;]/.test(need.mime)),
  )
  for (const need of grantable) expect(readPermissions(scopeNeeded(need)).allows(need)).toBe(true)
})
