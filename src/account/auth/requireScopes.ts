import type { GrantNeed } from '../../policy.ts'
import { error } from '../../xrpc/errors.ts'
import { scopeNeeded } from '../oauth/scopes/scopeNeeded.ts'
import type { ScopeNeed } from '../oauth/scopes/types.ts'
import type { VerifiedCredential } from './credential.ts'

/** What a row of the policy needs by itself; undefined where it depends on the request, or where nothing is needed. */
const FIXED: Partial<Record<GrantNeed, ScopeNeed>> = {
  'account:repo?action=manage': { resource: 'account', attr: 'repo', action: 'manage' },
  'account:status?action=manage': { resource: 'account', attr: 'status', action: 'manage' },
  'identity:*': { resource: 'identity', attr: '*' },
  'identity:handle': { resource: 'identity', attr: 'handle' },
}

/** Throws `ScopeMissingError`, which names the scope, where the credential is an app's grant that lacks one of these. */
export const requireScopes = (credential: VerifiedCredential, needs: readonly ScopeNeed[]): void => {
  if (credential.kind !== 'grant') return
  const missing = needs.find((need) => !credential.permissions.allows(need))
  if (missing) throw error('ScopeMissingError', `Missing required scope "${scopeNeeded(missing)}"`)
}

/** The same for what a row of the policy needs by itself. */
export const requireFixedScope = (credential: VerifiedCredential, need: GrantNeed): void => {
  const fixed = FIXED[need]
  if (fixed) requireScopes(credential, [fixed])
}
