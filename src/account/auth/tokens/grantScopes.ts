import { DEFAULT_SCOPES, type PlcClaim, type Scope } from '../../../signing/migrationToken.ts'
import type { RotationKey } from '../../../signing/keys.ts'
import { DirectoryError } from '../../../plc/directory.ts'
import { XrpcError } from '../../../xrpc/errors.ts'
import { docsLink } from '../../../docsLink.ts'
import type { IdentityWatch } from '../../identity/identityWatch.ts'
import type { Observation } from '../../identity/observeDid.ts'
import { invalidScope } from './mintInput.ts'

export interface GrantScopesDeps {
  identityWatch: Pick<IdentityWatch, 'observe' | 'isHere'>
  did: string
  rotationKey: Pick<RotationKey, 'did'>
}

/** What a new token may do, and for `plc:sign` the data that the operation must build on. */
export interface ScopeGrant {
  scope: Scope[]
  plc?: PlcClaim
}

const observeForPlc = async ({ identityWatch }: GrantScopesDeps): Promise<Observation> => {
  try {
    return await identityWatch.observe()
  } catch (cause) {
    if (!(cause instanceof DirectoryError)) throw cause
    if (cause.code === 'NotFound' || cause.code === 'Gone') throw invalidScope(`plc:sign: ${cause.message}`)
    throw new XrpcError(
      'DirectoryUnavailable',
      `${cause.message}. Try again, or mint without plc:sign. ${docsLink('directory-unavailable')}`,
    )
  }
}

const plcClaim = ({ did, rotationKey }: GrantScopesDeps, { head }: Observation): PlcClaim => {
  if (!head?.data) throw invalidScope(`plc:sign: ${did} has been tombstoned`)
  if (!head.data.rotationKeys.includes(rotationKey.did))
    throw invalidScope(
      `plc:sign: this server's rotation key ${rotationKey.did} is not among those of the DID (${head.data.rotationKeys.join(', ')}); mint without plc:sign (\`--scope\`) and have the operation signed by the holder of one of those`,
    )
  return { prev: head.cid, ...head.data }
}

/**
 * Grants the scopes that were asked for, or the default ones. The network is asked only if `plc:sign` is among them.
 * If this server cannot sign for the DID, `plc:sign` is refused if it was asked for, and otherwise left out.
 */
export const grantScopes = async (deps: GrantScopesDeps, asked: Scope[] | undefined): Promise<ScopeGrant> => {
  const { identityWatch, did } = deps
  const scope = asked ?? [...DEFAULT_SCOPES]
  if (!scope.includes('plc:sign')) return { scope }
  const withoutPlc = { scope: scope.filter((name) => name !== 'plc:sign') }
  if (!did.startsWith('did:plc:')) {
    if (!asked) return withoutPlc
    throw invalidScope(`plc:sign is for did:plc: to move ${did}, change its did.json`)
  }
  const observation = await observeForPlc(deps)
  // After the move, a token still reads what the new PDS is missing, but nothing more is signed.
  if (!identityWatch.isHere(observation)) {
    if (!asked) return withoutPlc
    throw invalidScope(
      `plc:sign: the DID names ${observation.pds ?? 'no PDS'} and not this server, which signs nothing more; mint without plc:sign`,
    )
  }
  return { scope, plc: plcClaim(deps, observation) }
}
