import { XrpcError, error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { SigningKey } from '../../signing/keys.ts'
import type { PlannedOperation } from '../plc/changeDid.ts'
import { requireHere } from '../plc/requireHere.ts'
import { isPlc } from '../plc/requirePlc.ts'
import type { Observation } from '../identity/observeDid.ts'
import { changeOver } from './changeKey.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface RotateKeyOptions {
  /** Only says what would be done. */
  preview?: boolean | undefined
  /** The operation that the owner has seen: no other is signed. */
  expected?: string | undefined
}

export interface RotatedKey {
  /** did:key of the new key. */
  signingKey: string
  /** did:key of the key that was in use. */
  previous: string
  planned: PlannedOperation | undefined
}

/** The new key; refuses while the secrets are not in place. */
const requireNext = ({ did, signingKeys, hasRotationKey, signingKey }: LifecycleDeps): SigningKey => {
  const notReady = (message: string) =>
    new XrpcError(
      'KeyNotReady',
      `${message}. \`pds rotate-key\` does this in the right order. ${docsLink('rotate-key')}`,
    )
  const { next } = signingKeys
  if (!next)
    throw notReady(
      `the secret NEXT_SIGNING_KEY is not set, or has the key that is in use already (${signingKey.did})`,
    )
  if (isPlc(did) && !hasRotationKey)
    throw notReady(
      'the secret ROTATION_KEY is not set: the present SIGNING_KEY is the DID’s rotation key too, and must stay that',
    )
  return next
}

/** A did:web on another host: its owner writes the key there first. On this host the document follows by itself. */
const requireInDocument = (
  { did, serviceDid }: LifecycleDeps,
  next: SigningKey,
  { signingKey }: Observation,
): void => {
  if (did === serviceDid || signingKey === next.did) return
  throw error(
    'InvalidRequest',
    `the did.json of ${did} names the key ${signingKey ?? '(none)'}: set publicKeyMultibase of #atproto there to ${next.multibase}, then try again at once. ${docsLink('rotate-key')}`,
  )
}

/**
 * Puts NEXT_SIGNING_KEY in use: the DID names it, by an operation of the rotation key, and the account changes over. May
 * be repeated after any interruption; the alarm goes on by itself once the directory has the operation.
 */
export const rotateKey = async (
  deps: LifecycleDeps,
  { preview = false, expected }: RotateKeyOptions,
): Promise<RotatedKey> => {
  const { did, plc, identityWatch, signingKeys } = deps
  const { did: inUse } = signingKeys.inUse
  // An earlier request did it, and perhaps its answer was lost; or the alarm did.
  if (signingKeys.secret === 'NEXT_SIGNING_KEY')
    return { signingKey: inUse, previous: inUse, planned: undefined }
  const next = requireNext(deps)
  const observation = await identityWatch.lookUp()
  requireHere(deps, observation)
  const change = { signingKey: next.did }
  const planned = isPlc(did) ? plc.plan(observation, change) : undefined
  if (!isPlc(did)) requireInDocument(deps, next, observation)
  if (!preview) {
    await deps.watchMove()
    await changeOver(deps, async () => {
      if (isPlc(did)) await plc.carryOut(observation, change, { expected, within: () => {} })
    })
  }
  return { signingKey: next.did, previous: inUse, planned }
}
