import type { PlannedOperation } from '../plc/changeDid.ts'
import { requireHere } from '../plc/requireHere.ts'
import { isPlc } from '../plc/requirePlc.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface UpdatePdsOptions {
  /** Only says what would be done. */
  preview?: boolean | undefined
  /** The operation that the owner has seen: no other is signed. */
  expected?: string | undefined
}

export interface UpdatedPds {
  pds: string
  /** The address that the DID named until now. */
  previous: string | undefined
  planned: PlannedOperation | undefined
}

/**
 * Has the DID name this server by its present address, HOSTNAME, in place of one that it had before
 * (PREVIOUS_HOSTNAMES). May be repeated: then the network is told again.
 */
export const updatePds = async (
  deps: LifecycleDeps,
  { preview = false, expected }: UpdatePdsOptions,
): Promise<UpdatedPds> => {
  const { did, origin, plc, sequencer, journal, identityWatch, relays } = deps
  const observation = await identityWatch.lookUp()
  requireHere(deps, observation)
  const previous = observation.pds
  const announce = (): void => {
    const handle = observation.handle ?? deps.handle()
    if (previous !== origin) journal.append('host', { from: previous ?? null, to: origin })
    sequencer.appendIdentity(handle)
    identityWatch.noteAnnounced(handle, observation.signingKey)
    relays.askAtOnce()
  }
  if (!isPlc(did)) {
    if (previous !== origin)
      throw error(
        'InvalidRequest',
        `the did.json of ${did} names ${previous ?? 'no PDS'}: change serviceEndpoint of #atproto_pds in it to ${origin}, then try again. ${docsLink('did-elsewhere')}`,
      )
    if (!preview) sequencer.transaction(announce)
    return { pds: origin, previous, planned: undefined }
  }
  const change = { endpoint: origin }
  const planned = plc.plan(observation, change)
  if (!preview) await plc.carryOut(observation, change, { expected, within: announce })
  return { pds: origin, previous, planned }
}
