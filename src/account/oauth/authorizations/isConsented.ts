import type { GrantRow } from '../grants/grantRows.ts'
import type { AuthorizationRequest } from '../requests/types.ts'

const words = (scope: string): string[] => scope.split(' ')

/**
 * Whether the owner has granted this client as much already. What a client is granted is remembered as long as one of its
 * grants is in use, and only of a client that proves who it is, with the key of that grant: anybody may send the id of another,
 * and a domain that has lapsed publishes the keys of its next owner.
 */
export const isConsented = (
  { clientId, auth }: Pick<AuthorizationRequest, 'clientId' | 'auth'>,
  expanded: string,
  granted: readonly Pick<GrantRow, 'clientId' | 'auth' | 'expanded'>[],
): boolean => {
  if (auth.method === 'none') return false
  return granted.some((grant) => {
    if (grant.clientId !== clientId || grant.auth.method === 'none' || grant.auth.jkt !== auth.jkt)
      return false
    const known = new Set(words(grant.expanded))
    return words(expanded).every((scope) => known.has(scope))
  })
}
