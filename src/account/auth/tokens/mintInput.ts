import { isOrigin, isScope, type Scope, SCOPES } from '../../../signing/migrationToken.ts'
import { error, XrpcError } from '../../../xrpc/errors.ts'
import { docsLink } from '../../../docsLink.ts'

/** What createMigrationToken is asked for. */
export interface MintInput {
  audience?: string
  target?: string
  scope?: readonly string[]
}

/** The PDS that a token is for. */
export interface Target {
  origin: string
  /** Its service DID. */
  audience: string
}

export const invalidScope = (message: string): XrpcError =>
  new XrpcError('InvalidScope', `${message}. ${docsLink('token-scope')}`)

/** The target, checked; undefined for a token that is used on this server only. */
export const parseTarget = (
  self: { serviceDid: string; origin: string; dev: boolean },
  { target, audience }: MintInput,
): Target | undefined => {
  const { serviceDid, origin, dev } = self
  if (target === undefined) {
    if (audience !== undefined && audience !== serviceDid)
      throw error(
        'InvalidRequest',
        `audience: a token for ${audience} needs a target, the origin of that PDS`,
      )
    return undefined
  }
  const text = target.replace(/\/$/, '')
  if (!isOrigin(text) || !(text.startsWith('https://') || dev))
    throw error(
      'InvalidRequest',
      `target: expected the origin of the new PDS, such as https://pds.example, got "${target.slice(0, 200)}"`,
    )
  if (audience === undefined)
    throw error(
      'InvalidRequest',
      `audience: the service DID that ${text} states in its describeServer is needed with a target`,
    )
  if (text === origin || audience === serviceDid)
    throw error(
      'InvalidRequest',
      `target: ${text} (${audience}) is this server; name the PDS that the account moves to`,
    )
  return { origin: text, audience }
}

/** The scopes that were asked for, each once; undefined if none were named. */
export const parseScopes = (names: readonly string[] | undefined): Scope[] | undefined => {
  if (!names) return undefined
  const unknown = names.find((name) => !isScope(name))
  if (unknown !== undefined)
    throw invalidScope(`there is no scope "${unknown.slice(0, 100)}"; the scopes are ${SCOPES.join(', ')}`)
  const scopes = [...new Set(names.filter(isScope))]
  if (scopes.length === 0) throw invalidScope(`a token needs a scope, of ${SCOPES.join(', ')}`)
  return scopes
}
