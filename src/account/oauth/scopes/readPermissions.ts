import type { StaticScopeValue } from '@atproto/oauth-scopes'
import { LruCache } from '../../blocks/lruCache.ts'
import type { Permissions, ScopeNeed } from './types.ts'
import { parseScope } from './parseScope.ts'

type Allows = (need: ScopeNeed) => boolean

/** In lower case, as some servers route methods: a service may take `Chat.bsky.` for `chat.bsky.`. */
const isChat = (lxm: string): boolean => lxm.toLowerCase().startsWith('chat.bsky.')

/** As an app password, which these scopes stand for, it does not take the account to another server. */
const isCreateAccount = (lxm: string): boolean => lxm.toLowerCase() === 'com.atproto.server.createaccount'

/** The scopes of the time before there were others. `atproto` alone says who the account is. */
const STATIC: Record<StaticScopeValue, Allows> = {
  atproto: () => false,
  'transition:email': (need) =>
    need.resource === 'account' && need.attr === 'email' && need.action === 'read',
  'transition:generic': (need) =>
    need.resource === 'repo' ||
    need.resource === 'blob' ||
    (need.resource === 'rpc' && !isChat(need.lxm) && !isCreateAccount(need.lxm)),
  'transition:chat.bsky': (need) => need.resource === 'rpc' && isChat(need.lxm),
}

const allowedBy = (value: string): Allows => {
  const scope = parseScope(value)
  switch (scope?.kind) {
    case 'static':
      return STATIC[scope.value]
    case 'account':
      return (need) => need.resource === 'account' && scope.permission.matches(need)
    case 'blob':
      return (need) => need.resource === 'blob' && scope.permission.matches(need)
    case 'identity':
      return (need) => need.resource === 'identity' && scope.permission.matches(need)
    case 'repo':
      return (need) => need.resource === 'repo' && scope.permission.matches(need)
    case 'rpc':
      return (need) => need.resource === 'rpc' && scope.permission.matches(need)
    // The permissions of a set stand beside it in the expanded scope.
    case 'include':
    case undefined:
      return () => false
  }
}

/** A grant's scope is asked with each of its requests, and an account has few grants. */
const KNOWN = new LruCache<Permissions>(32, () => 1)

/** What a scope allows, its permission sets resolved as `Scopes.expand` does it. What is not known allows nothing. */
export const readPermissions = (expanded: string): Permissions => {
  const known = KNOWN.get(expanded)
  if (known) return known
  const scopes = [...new Set(expanded.split(' '))].map(allowedBy)
  return KNOWN.set(expanded, { allows: (need) => scopes.some((allows) => allows(need)) })
}
