import type { IncludeScope } from '@atproto/oauth-scopes'
import { OAuthError } from '../oauthError.ts'
import type { Scopes } from './types.ts'
import { parseScope } from './parseScope.ts'
import type { PermissionSets } from './permissionSets.ts'

export interface ScopesDeps {
  permissionSets: PermissionSets
}

/** Characters. A scope is stored with its grant, and sent with every token. */
const MAX_LENGTH = 16 * 1024
const MAX_EXPANDED_LENGTH = 64 * 1024
/** Each may be a request to another server. */
const MAX_SETS = 20

/** Printable ASCII without the quotation mark and the backslash, separated by one space (RFC 6749, section 3.3). */
const SCOPE = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/

const invalid = (message: string) => new OAuthError('invalid_scope', message)

/** The permission sets that a scope names, and what else it has. */
const split = (scope: string): { sets: IncludeScope[]; others: string[] } => {
  const sets: IncludeScope[] = []
  const others: string[] = []
  for (const value of new Set(scope.split(' '))) {
    const parsed = parseScope(value)
    if (parsed?.kind === 'include') sets.push(parsed.set)
    else others.push(value)
  }
  return { sets, others }
}

/** What clients ask for, and what it means. */
export const createScopes = ({ permissionSets }: ScopesDeps): Scopes => ({
  requested(scope, client) {
    if (scope.length > MAX_LENGTH) throw invalid(`scope has more than ${MAX_LENGTH} characters`)
    if (!SCOPE.test(scope)) throw invalid('scope is not a list of scopes with one space between them')
    const values = new Set(scope.split(' '))
    const declared = new Set(client.metadata.scope.split(' '))
    const undeclared = [...values].find((value) => !declared.has(value))
    if (undeclared !== undefined)
      throw invalid(`the scope "${undeclared.slice(0, 200)}" is not declared in the client's metadata`)
    if (!values.has('atproto')) throw invalid('the scope "atproto" is required')
    if (values.has('openid')) throw invalid('OpenID Connect is not supported: ask without the scope "openid"')
    const known = [...values].filter((value) => parseScope(value) !== undefined).join(' ')
    if (split(known).sets.length > MAX_SETS) throw invalid(`scope has more than ${MAX_SETS} permission sets`)
    return known
  },

  async expand(scope, network) {
    const { sets, others } = split(scope)
    if (sets.length === 0) return scope
    const permissions = await Promise.all(
      sets.map(async (set) => set.toScopes(await permissionSets.find(set.nsid, network))),
    )
    const expanded = [...new Set([...others, ...permissions.flat()])].join(' ')
    if (expanded.length > MAX_EXPANDED_LENGTH)
      throw invalid(`the permission sets of this scope are more than ${MAX_EXPANDED_LENGTH} characters`)
    return expanded
  },
})
