import { isScope, type Scope } from '../signing/scope.ts'
import { CliError } from './errors.ts'

/** What each scope of a migration token allows, in words for the user. */
export const SCOPE_MEANINGS: Record<Scope, string> = {
  'repo:read': 'read the repository',
  'blob:read': 'read the images and other blobs',
  'preferences:read': 'read the private preferences',
  'account:create': 'create the account on the target',
  'plc:sign': 'have this server sign the PLC operation that moves the DID',
  'account:deactivate': 'deactivate the account here, once the DID names the target',
}

/** The scopes of `--scope a --scope b,c`; undefined if none is given. */
export const parseScopes = (given: readonly string[]): Scope[] | undefined => {
  const names = given.flatMap((value) => value.split(/[\s,]+/)).filter(Boolean)
  if (names.length === 0) return undefined
  return [...new Set(names)].map((name) => {
    if (isScope(name)) return name
    throw new CliError('invalid-scope', `"${name}" is not a scope`, {
      next: `choose from ${Object.keys(SCOPE_MEANINGS).join(', ')}`,
    })
  })
}
