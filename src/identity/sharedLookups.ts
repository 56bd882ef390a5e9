import { blockOf, isLocal } from '../network.ts'
import type { Platform } from '../platform.ts'
import { IdentityError } from './errors.ts'

export interface SharedLookupsDeps {
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
  /** Asks the network; throws IdentityError. */
  lookUp(name: string): Promise<string>
  /** What is looked up. */
  noun: 'handle' | 'DID' | 'permission set'
  /** How many answers are kept: fewer, where they are not as short as a DID. */
  maxAnswers?: number
}

/** Too many look-ups went out for this network, or are on their way: the answer to one more is not known here. */
export class TooManyLookupsError extends Error {
  override readonly name = 'TooManyLookupsError'
  readonly retryAfterSeconds: number

  constructor(message: string, retryAfterSeconds: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** What a look-up gave, and for how long it is the answer. */
interface Answer {
  at: number
  forMs: number
  /** What was found, or why there is nothing. */
  result: string | IdentityError
}

interface Pending {
  at: number
  /** For whom it went out. */
  block: string | undefined
  work: Promise<string>
}

const FOUND_MS = 10 * 60_000
const NOT_FOUND_MS = 60_000
/** The floor between tries where the network failed. */
const UNAVAILABLE_MS = 10_000
const MAX_ANSWERS = 1000

/** Look-ups that go out for one network in a window. */
export const NETWORK_LIMIT = 60
const WINDOW_MS = 5 * 60_000
const MAX_NETWORKS = 1000

/** Look-ups on their way at once, for all networks. Each holds some 100 KB at most. */
const MAX_PENDING = 100
/** Of these, for a network and its neighbours: servers that do not answer must not be enough to take all of them. */
const MAX_PENDING_OF_BLOCK = 10
/** A look-up ends within 10 seconds. One that has not, was lost with the request that began it. */
const PENDING_MS = 12_000

/** Holds at most `max` entries: the one that was set first goes. */
const setBounded = <T>(map: Map<string, T>, max: number, key: string, value: T): void => {
  map.delete(key)
  if (map.size >= max) for (const first of map.keys()) if (map.delete(first)) break
  map.set(key, value)
}

/**
 * Look-ups that anybody can ask for, in the memory of this isolate: one is on its way for each handle however many ask,
 * its answer is kept for a while, also where there is none, and those that go out are limited for each network. What is
 * known already is free.
 */
export const createSharedLookups = ({
  platform,
  lookUp,
  noun,
  maxAnswers = MAX_ANSWERS,
}: SharedLookupsDeps): ((handle: string, network?: string) => Promise<string>) => {
  const answers = new Map<string, Answer>()
  const pending = new Map<string, Pending>()
  const networks = new Map<string, { at: number; used: number }>()

  /** If the clock has gone back, nothing is recent. */
  const isRecent = (at: number, forMs: number): boolean => {
    const age = platform.now() - at
    return age >= 0 && age < forMs
  }

  const count = (network: string): void => {
    for (const [handle, { at }] of pending) if (!isRecent(at, PENDING_MS)) pending.delete(handle)
    const ofBlock = [...pending.values()].filter(({ block }) => block === blockOf(network)).length
    const isCrowded = !isLocal(network || undefined) && ofBlock >= MAX_PENDING_OF_BLOCK
    if (isCrowded || pending.size >= MAX_PENDING)
      throw new TooManyLookupsError(
        `${isCrowded ? `${ofBlock} ${noun}s are being looked up for your network` : `${MAX_PENDING} ${noun}s are being looked up`} already; try again in ${PENDING_MS / 1000} seconds`,
        PENDING_MS / 1000,
      )
    const known = networks.get(network)
    if (known) known.at = Math.min(known.at, platform.now())
    const window = known && isRecent(known.at, WINDOW_MS) ? known : { at: platform.now(), used: 0 }
    if (window.used >= NETWORK_LIMIT) {
      const seconds = Math.max(1, Math.ceil((window.at + WINDOW_MS - platform.now()) / 1000))
      throw new TooManyLookupsError(
        `too many ${noun}s that had to be looked up: at most ${NETWORK_LIMIT} in ${WINDOW_MS / 1000} seconds; try again in ${seconds} seconds`,
        seconds,
      )
    }
    window.used++
    // Set only when it is new, so that the oldest window is the first to go.
    if (window !== known) setBounded(networks, MAX_NETWORKS, network, window)
  }

  const keep = (handle: string, result: string | IdentityError): void => {
    const forMs = typeof result === 'string' ? FOUND_MS : result.retryable ? UNAVAILABLE_MS : NOT_FOUND_MS
    setBounded(answers, maxAnswers, handle, { at: platform.now(), forMs, result })
  }

  const lookUpAndKeep = async (handle: string): Promise<string> => {
    try {
      const did = await lookUp(handle)
      keep(handle, did)
      return did
    } catch (cause) {
      if (cause instanceof IdentityError) keep(handle, cause)
      throw cause
    }
  }

  const begin = async (handle: string, network: string): Promise<string> => {
    const work = lookUpAndKeep(handle)
    pending.set(handle, { at: platform.now(), block: blockOf(network), work })
    platform.keepAlive(work.catch(() => {}))
    try {
      return await work
    } finally {
      if (pending.get(handle)?.work === work) pending.delete(handle)
    }
  }

  /** Waits for a look-up of another request, which may have died with it. */
  const join = async (handle: string, { work }: Pending): Promise<string> => {
    let stop = (): void => {}
    const lost = new Promise<never>((_, reject) => {
      stop = platform.timer(PENDING_MS, () =>
        reject(new IdentityError('Unavailable', `the ${noun} ${handle} could not be resolved in time`)),
      )
    })
    try {
      return await Promise.race([work, lost])
    } finally {
      stop()
    }
  }

  return async (handle, network = '') => {
    const known = answers.get(handle)
    if (known && isRecent(known.at, known.forMs)) {
      if (typeof known.result === 'string') return known.result
      throw known.result
    }
    const running = pending.get(handle)
    if (running && isRecent(running.at, PENDING_MS)) return await join(handle, running)
    count(network)
    return await begin(handle, network)
  }
}
