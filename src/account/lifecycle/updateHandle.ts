import type { PlannedOperation } from '../plc/changeDid.ts'
import { requireHere } from '../plc/requireHere.ts'
import { isPlc } from '../plc/requirePlc.ts'
import type { Observation } from '../identity/observeDid.ts'
import { parseHandle, verifyHandle } from '../identity/verifyHandle.ts'
import { readHandle, setHandle } from '../db/accountRow.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface UpdateHandleOptions {
  by: 'session' | 'admin' | `grant ${string}`
  /** Only says what would be done. */
  preview?: boolean | undefined
  /** The operation that the owner has seen: no other is signed. */
  expected?: string | undefined
}

export interface UpdatedHandle {
  handle: string
  previous: string
  /** What the DID needs for it; undefined if it says so already, or is a did:web. */
  planned: PlannedOperation | undefined
}

/** The owner of a did:web edits its document; where it is this server's, it follows by itself. */
const requireInDocument = ({ did, serviceDid }: LifecycleDeps, handle: string, seen: Observation): void => {
  if (did === serviceDid || seen.handle === handle) return
  throw error(
    'InvalidRequest',
    `handle: the did.json of ${did} names ${seen.handle ?? 'none'} first: set alsoKnownAs to ["at://${handle}"] there, then try again. ${docsLink('handle-unresolved')}`,
  )
}

/**
 * Gives the account another handle: it is checked, it must resolve to the account, the DID is changed, and then it is
 * stored and announced. May be repeated, also with the handle that the account has: then it is announced again.
 */
export const updateHandle = async (
  deps: LifecycleDeps,
  asked: string,
  { by, preview = false, expected }: UpdateHandleOptions,
): Promise<UpdatedHandle> => {
  const { sql, plc, rateLimits, sequencer, journal, identityWatch } = deps
  const handle = parseHandle(asked)
  if (!preview) rateLimits.updateHandle()
  await verifyHandle(deps, handle)
  const observation = await identityWatch.lookUp()
  requireHere(deps, observation)
  const previous = deps.handle()
  const store = (): void => {
    const isNew = readHandle(sql) !== handle
    if (isNew) {
      setHandle(sql, handle)
      journal.append('handle', { from: previous, to: handle, by })
    }
    sequencer.appendIdentity(handle)
    identityWatch.noteAnnounced(handle, observation.signingKey)
  }
  if (!isPlc(deps.did)) {
    requireInDocument(deps, handle, observation)
    if (!preview) sequencer.transaction(store)
    return { handle, previous, planned: undefined }
  }
  const planned = plc.plan(observation, { handle })
  if (!preview) await plc.carryOut(observation, { handle }, { expected, within: store })
  return { handle, previous, planned }
}
