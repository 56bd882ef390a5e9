import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { Observation } from '../identity/observeDid.ts'
import type { PlcDeps } from './plcDeps.ts'

/** Refuses to sign anything for the DID while it names another PDS: that one speaks for the account. */
export const requireHere = (
  { origin, identityWatch }: Pick<PlcDeps, 'origin' | 'identityWatch'>,
  observation: Observation,
): void => {
  if (identityWatch.isHere(observation)) return
  throw error(
    'InvalidRequest',
    `the DID names ${observation.pds ?? 'no PDS'} and not ${origin}: this server signs nothing more for it. ${docsLink('did-elsewhere')}`,
  )
}
