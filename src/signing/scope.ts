import { TokenError } from '../crypto/errors.ts'

/** What a migration token can authorize. */
export const SCOPES = [
  'repo:read',
  'blob:read',
  'preferences:read',
  'account:create',
  'plc:sign',
  'account:deactivate',
] as const

export type Scope = (typeof SCOPES)[number]

/** The scopes of a token if none are asked for: a whole move, without the deactivation. */
export const DEFAULT_SCOPES: readonly Scope[] = SCOPES.filter((scope) => scope !== 'account:deactivate')

export const isScope = (value: unknown): value is Scope => SCOPES.some((scope) => scope === value)

/** Reads a space-separated scope claim. Unknown and repeated scopes are refused, and so is an empty claim. */
export const parseScope = (claim: string): Scope[] => {
  const names = claim.split(' ')
  const scopes = names.filter(isScope)
  if (scopes.length !== names.length)
    throw new TokenError('BadClaims', `unknown scope in ${JSON.stringify(claim.slice(0, 100))}`)
  if (new Set(scopes).size !== scopes.length) throw new TokenError('BadClaims', 'a scope is named twice')
  return scopes
}
