import { TokenError } from '../crypto/errors.ts'

/** What a migration token can open (migration token, scopes). */
export const SCOPES = [
  'repo:read',
  'blob:read',
  'preferences:read',
  'account:create',
  'plc:sign',
  'account:deactivate',
] as const

export type Scope = (typeof SCOPES)[number]

/** What a token gets when nothing else is asked for: a whole move, without the deactivation. */
export const DEFAULT_SCOPES: readonly Scope[] = SCOPES.filter((scope) => scope !== 'account:deactivate')

export const isScope = (value: unknown): value is Scope => SCOPES.some((scope) => scope === value)

/** Reads a space-separated scope claim; unknown, repeated or missing scopes are refused. */
export const parseScope = (claim: string): Scope[] => {
  const names = claim.split(' ')
  const scopes = names.filter(isScope)
  if (scopes.length !== names.length)
    throw new TokenError('BadClaims', `unknown scope in ${JSON.stringify(claim.slice(0, 100))}`)
  if (new Set(scopes).size !== scopes.length) throw new TokenError('BadClaims', 'a scope is named twice')
  return scopes
}
