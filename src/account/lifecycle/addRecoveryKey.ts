import { isPublicKey } from '../../crypto/publicKey.ts'
import { error } from '../../xrpc/errors.ts'
import type { PlannedOperation } from '../plc/changeDid.ts'
import { requireHere } from '../plc/requireHere.ts'
import { isPlc } from '../plc/requirePlc.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface AddRecoveryKeyOptions {
  /** Only says what would be done. */
  preview?: boolean | undefined
  /** The operation that the owner has seen: no other is signed. */
  expected?: string | undefined
}

export interface AddedRecoveryKey {
  /** The rotation keys that the DID has with it, the highest first. */
  rotationKeys: string[]
  planned: PlannedOperation | undefined
}

/** Puts a recovery key of the owner above every other rotation key of the DID. May be repeated. */
export const addRecoveryKey = async (
  deps: LifecycleDeps,
  key: string,
  { preview = false, expected }: AddRecoveryKeyOptions,
): Promise<AddedRecoveryKey> => {
  const { did, plc, identityWatch, journal, signingKeys } = deps
  if (!isPlc(did))
    throw error(
      'InvalidRequest',
      `${did} has no rotation keys: anyone who controls its web server controls it`,
    )
  if (!isPublicKey(key))
    throw error('InvalidRequest', `${key} is not a recovery key: a k256 or P-256 did:key is`)
  const servers = [signingKeys.inUse, signingKeys.next].map((known) => known?.did)
  if (servers.includes(key))
    throw error(
      'InvalidRequest',
      `${key} is this server’s signing key: a recovery key is one that only the owner has`,
    )
  const observation = await identityWatch.lookUp()
  requireHere(deps, observation)
  const change = { recoveryKey: key }
  const planned = plc.plan(observation, change)
  const before = observation.head?.data?.rotationKeys ?? []
  if (!preview && planned)
    await plc.carryOut(observation, change, {
      expected,
      within: () => journal.append('recovery-key', { key }),
    })
  return { rotationKeys: planned?.operation.rotationKeys ?? before, planned }
}
