import { IdentityError } from '../../identity/errors.ts'
import type { Identity } from '../../identity/identity.ts'
import type { Platform } from '../../platform.ts'

/** Whether the account's handle resolves to it, for answers that anybody may ask for as often as they like. */
export interface HandleCheck {
  /** Never fails and never takes long: where the network does not answer, the last answer stands, at first `false`. */
  resolves(handle: string): Promise<boolean>
}

export interface HandleCheckDeps {
  identity: Pick<Identity, 'lookUpHandle'>
  platform: Pick<Platform, 'timer'>
  did: string
}

/** How long an answer waits for the network. */
const TIMEOUT_MS = 2500

export const createHandleCheck = ({ identity, platform, did }: HandleCheckDeps): HandleCheck => {
  let last: { handle: string; resolves: boolean } | undefined

  const ask = async (handle: string): Promise<boolean | undefined> => {
    try {
      // The look-ups have one request on its way for all who ask, and a cache, also where there is no answer.
      return (await identity.lookUpHandle(handle, { cached: true })) === did
    } catch (cause) {
      return isDefinite(cause) ? false : undefined
    }
  }

  const askInTime = async (handle: string): Promise<boolean | undefined> => {
    const late = Promise.withResolvers<undefined>()
    const stop = platform.timer(TIMEOUT_MS, () => late.resolve(undefined))
    try {
      return await Promise.race([ask(handle), late.promise])
    } finally {
      stop()
    }
  }

  return {
    resolves: async (handle) => {
      const resolves = await askInTime(handle)
      if (resolves === undefined) return last?.handle === handle && last.resolves
      last = { handle, resolves }
      return resolves
    },
  }
}

/** The network said that the handle is not the account's, and not only nothing. */
const isDefinite = (cause: unknown): boolean => cause instanceof IdentityError && !cause.retryable
