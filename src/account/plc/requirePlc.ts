import { PDS_ID } from '../../plc/build.ts'
import { error } from '../../xrpc/errors.ts'

export const isPlc = (did: string): boolean => did.startsWith('did:plc:')

/** Refuses a method that only did:plc has, and says what to do instead: the owner of a did:web edits a file. */
export const requirePlc = (did: string, method: string): void => {
  if (!isPlc(did))
    throw error(
      'InvalidRequest',
      `${method} is for did:plc. To move ${did}, edit its did.json: set the serviceEndpoint of #${PDS_ID} to the new PDS, and the publicKeyMultibase of #atproto to the new PDS's key, as its getRecommendedDidCredentials states them`,
    )
}
