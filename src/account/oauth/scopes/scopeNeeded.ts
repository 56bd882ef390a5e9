import {
  AccountPermission,
  BlobPermission,
  IdentityPermission,
  RepoPermission,
  RpcPermission,
} from '@atproto/oauth-scopes'
import type { ScopeNeed } from './types.ts'

/** The scope that a request lacks, as `ScopeMissingError` names it: the smallest that would allow it. */
export const scopeNeeded = (need: ScopeNeed): string => {
  switch (need.resource) {
    case 'account':
      return AccountPermission.scopeNeededFor(need)
    case 'blob':
      return BlobPermission.scopeNeededFor(need)
    case 'identity':
      return IdentityPermission.scopeNeededFor(need)
    case 'repo':
      return RepoPermission.scopeNeededFor(need)
    case 'rpc':
      return RpcPermission.scopeNeededFor(need)
  }
}
