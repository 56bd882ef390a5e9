import {
  AccountPermission,
  BlobPermission,
  IdentityPermission,
  IncludeScope,
  isStaticScopeValue,
  RepoPermission,
  RpcPermission,
  type StaticScopeValue,
} from '@atproto/oauth-scopes'

/** A scope that this server knows, taken apart. */
export type ParsedScope =
  | { kind: 'static'; value: StaticScopeValue }
  | { kind: 'account'; permission: AccountPermission }
  | { kind: 'blob'; permission: BlobPermission }
  | { kind: 'identity'; permission: IdentityPermission }
  | { kind: 'repo'; permission: RepoPermission }
  | { kind: 'rpc'; permission: RpcPermission }
  | { kind: 'include'; set: IncludeScope }

const parse = (value: string): ParsedScope | undefined => {
  if (isStaticScopeValue(value)) return { kind: 'static', value }
  const account = AccountPermission.fromString(value)
  if (account) return { kind: 'account', permission: account }
  const blob = BlobPermission.fromString(value)
  if (blob) return { kind: 'blob', permission: blob }
  const identity = IdentityPermission.fromString(value)
  if (identity) return { kind: 'identity', permission: identity }
  const repo = RepoPermission.fromString(value)
  if (repo) return { kind: 'repo', permission: repo }
  const rpc = RpcPermission.fromString(value)
  if (rpc) return { kind: 'rpc', permission: rpc }
  const set = IncludeScope.fromString(value)
  return set ? { kind: 'include', set } : undefined
}

/** Reads one scope. Undefined for one that this server does not know, or that cannot be decoded. */
export const parseScope = (value: string): ParsedScope | undefined => {
  try {
    return parse(value)
  } catch (cause) {
    // The library decodes percent signs without a look at what follows them.
    if (cause instanceof URIError) return undefined
    throw cause
  }
}
