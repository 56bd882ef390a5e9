import { XrpcError } from '../../xrpc/errors.ts'
import type { Observation } from '../identity/observeDid.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface EmittedIdentity {
  seq: number
  handle: string
  /** Why the DID could not be looked up. */
  error?: string
}

/** Emits `#identity`, so that the network looks the DID up again. Works even if the DID cannot be looked up here. */
export const emitIdentity = async (deps: LifecycleDeps): Promise<EmittedIdentity> => {
  const { sequencer, identityWatch } = deps
  let observation: Observation | undefined
  let problem: string | undefined
  try {
    observation = await identityWatch.lookUp()
  } catch (cause) {
    if (!(cause instanceof XrpcError)) throw cause
    problem = cause.message
  }
  const handle = observation?.handle ?? deps.handle()
  const { seq } = sequencer.transaction(() => {
    const event = sequencer.appendIdentity(handle)
    if (observation && identityWatch.isHere(observation))
      identityWatch.noteAnnounced(handle, observation.signingKey)
    return event
  })
  return { seq, handle, ...(problem !== undefined && { error: problem }) }
}
