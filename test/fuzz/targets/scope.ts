import { isAtprotoOauthScope, ScopePermissionsTransition } from '@atproto/oauth-scopes'
import { OAuthError } from '../../../src/account/oauth/oauthError.ts'
import { readPermissions } from '../../../src/account/oauth/scopes/readPermissions.ts'
import { scopeNeeded } from '../../../src/account/oauth/scopes/scopeNeeded.ts'
import { createScopes } from '../../../src/account/oauth/scopes/scopes.ts'
import type { Client } from '../../../src/account/oauth/clients/types.ts'
import type { ScopeNeed } from '../../../src/account/oauth/scopes/types.ts'
import { describeScope } from '../../../src/pages/consent/describeScope.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { plain } from './same.ts'

const KINDS = ['repo', 'rpc', 'blob', 'account', 'identity', 'include', 'transition', 'space', 'Repo', '']
const NSIDS = [
  '*',
  'app.bsky.feed.post',
  'chat.bsky.convo.getLog',
  'com.example.note',
  'com.example',
  'a.b.C-d',
  '%2A',
]
const AUDIENCES = [
  '*',
  'did:web:api.bsky.app#bsky_appview',
  'did:web:api.bsky.chat%23bsky_chat',
  'did:web:a:b#c',
  'did:x:y',
]
const TYPES = [
  '*/*',
  'image/*',
  'image/png',
  'IMAGE/PNG',
  '*/png',
  'a/b/c',
  'image/%E2%80%AEgnp',
  'a%20b/c',
  'a%0Ab/c',
  'text/*',
]
const WORDS = [
  'create',
  'update',
  'delete',
  'read',
  'manage',
  'email',
  'repo',
  'status',
  'handle',
  '',
  '%',
  '%zz',
  '+',
  '%00',
]
const NAMES = [
  'collection',
  'action',
  'lxm',
  'aud',
  'accept',
  'attr',
  'nsid',
  '__proto__',
  'constructor',
  '%61ction',
]
const VALUES = [...NSIDS, ...AUDIENCES, ...TYPES, ...WORDS]
const KNOWN = [
  ...['atproto', 'transition:generic', 'transition:email', 'transition:chat.bsky', 'openid', 'identity:*'],
  ...[
    'account:email',
    'account:status?action=manage',
    'rpc:com.atproto.server.createAccount?aud=*',
    'blob:*/*',
  ],
  ...[
    'repo:*',
    'repo?collection=app.bsky.feed.post&collection=app.bsky.feed.like&action=create',
    'rpc:*?aud=*',
  ],
  'include:app.bsky.authFullApp?aud=did:web:api.bsky.app%23bsky_appview',
]

const value = (random: Random): string => {
  if (random.chance(0.3)) return random.pick(KNOWN)
  const positional = random.chance(0.7) ? `:${random.pick(VALUES)}` : ''
  const params = Array.from(
    { length: random.chance(0.02) ? 200 : random.small(4) },
    () => `${random.pick(NAMES)}=${random.chance(0.9) ? random.pick(VALUES) : random.text(random.small(8))}`,
  )
  return random.pick(KINDS) + positional + (params.length > 0 ? `?${params.join('&')}` : '')
}

const NEEDS: readonly ScopeNeed[] = [
  { resource: 'repo', collection: 'app.bsky.feed.post', action: 'create' },
  { resource: 'repo', collection: 'com.example.note', action: 'delete' },
  { resource: 'rpc', lxm: 'chat.bsky.convo.getLog', aud: 'did:web:api.bsky.chat#bsky_chat' },
  { resource: 'rpc', lxm: 'com.example.note', aud: 'did:web:api.bsky.app#bsky_appview' },
  { resource: 'rpc', lxm: '*', aud: '*' },
  { resource: 'blob', mime: 'image/png' },
  { resource: 'blob', mime: 'IMAGE/PNG' },
  { resource: 'account', attr: 'email', action: 'read' },
  { resource: 'account', attr: 'repo', action: 'manage' },
  { resource: 'account', attr: 'status', action: 'read' },
  { resource: 'identity', attr: 'handle' },
  { resource: 'identity', attr: '*' },
]

const { requested } = createScopes({ permissionSets: { find: () => Promise.reject(new Error('not asked')) } })

/** The library's answer; undefined where it cannot decode the value. */
const orUndecodable = <T>(ask: () => T): T | undefined => {
  try {
    return ask()
  } catch (cause) {
    if (cause instanceof URIError) return undefined
    throw cause
  }
}

const allowedByLibrary = (scope: string, need: ScopeNeed): boolean => {
  const permissions = new ScopePermissionsTransition(scope)
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

/** What a client asks for, what it may do with it, and what the owner is told: the library's own reading is the judge. */
export const scope: Target<string, string> = {
  name: 'scope',
  typed: [OAuthError],
  ...plain,
  generate: (random) =>
    [
      'atproto',
      ...Array.from({ length: random.chance(0.01) ? 300 : random.small(8) }, () => value(random)),
    ].join(random.chance(0.97) ? ' ' : random.pick(['  ', '\n', '\u00a0'])),
  run: (input) => {
    readPermissions(input)
    const scope = requested(input, { metadata: { scope: input } } as Client)
    for (const language of ['en', 'de'] as const) describeScope(scope, language)
    return scope
  },
  check: (input, scope) => {
    const known = new Set(scope.split(' '))
    for (const one of new Set(input.split(' ')))
      if ((orUndecodable(() => isAtprotoOauthScope(one)) ?? false) !== known.has(one))
        throw new Error(`${one} is ${known.has(one) ? 'taken' : 'left out'}`)
    const permissions = readPermissions(scope)
    for (const need of NEEDS)
      if (permissions.allows(need) !== allowedByLibrary(scope, need))
        throw new Error(`${scopeNeeded(need)} is ${permissions.allows(need) ? 'allowed' : 'refused'}`)
    const text = describeScope(scope, 'en').flatMap(({ lines }) => lines.map((line) => line.text))
    for (const line of text)
      if (/[\p{C}\p{Z}]/u.test(line.replaceAll(' ', '')))
        throw new Error(`a line hides something: ${JSON.stringify(line)}`)
  },
}
