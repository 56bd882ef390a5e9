import type { Client } from '../clients/types.ts'

export type RepoAction = 'create' | 'update' | 'delete'

/** One thing that a request needs of the scopes of its grant. */
export type ScopeNeed =
  | { resource: 'repo'; collection: string; action: RepoAction }
  | { resource: 'rpc'; lxm: string; aud: string }
  | { resource: 'blob'; mime: string }
  | { resource: 'account'; attr: 'email' | 'repo' | 'status'; action: 'read' | 'manage' }
  | { resource: 'identity'; attr: 'handle' | '*' }

/** What a scope allows. */
export interface Permissions {
  allows(need: ScopeNeed): boolean
}

/** Scopes as strings, separated by spaces. */
export interface Scopes {
  /**
   * What a client is asked to be granted: unknown scopes are left out. Throws `OAuthError` `invalid_scope` without
   * `atproto`, with `openid`, or with one that the client does not declare.
   */
  requested(scope: string, client: Client): string
  /**
   * The same with each `include:` replaced by the permissions of its set, fetched with proof and cached. A set that cannot
   * be had is `OAuthError` `invalid_scope` where it never was known (`temporarily_unavailable` in a flood); else the one that
   * was known stays. `network` is the caller's, for the limits.
   */
  expand(scope: string, network?: string): Promise<string>
}
