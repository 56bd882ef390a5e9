import type { Observation } from '../identity/observeDid.ts'
import { keyInDid } from './changeKey.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/** Why an account with this DID cannot be active here, and the way out; undefined if nothing is wrong. */
export const didProblem = (
  {
    did,
    origin,
    serviceDid,
    identityWatch,
    signingKeys,
    signingKey: { did: ours },
  }: Pick<LifecycleDeps, 'did' | 'origin' | 'serviceDid' | 'identityWatch' | 'signingKey' | 'signingKeys'>,
  observation: Observation,
): string | undefined => {
  const { pds, signingKey, head } = observation
  if (head && !head.data) return `${did} has been tombstoned: it can never be used again`
  const where = `the DID names ${pds ?? 'no PDS'} and not ${origin}`
  if (!identityWatch.isHere(observation) && did === serviceDid)
    return `${where}. \`pds did-web-move --back\` has the did.json of this host name it again`
  if (!identityWatch.isHere(observation))
    return did.startsWith('did:plc:')
      ? `${where}. To move the account here, \`pds import --from ${pds ?? '<host>'}\` has the operation signed there`
      : `${where}. Change serviceEndpoint of #atproto_pds in the did.json of ${did} to ${origin}`
  if (keyInDid({ signingKeys }, observation) === undefined)
    return `the DID names the signing key ${signingKey ?? '(none)'}, this server has ${ours}: give it that key (SIGNING_KEY), or put ours into the DID document`
  return undefined
}
