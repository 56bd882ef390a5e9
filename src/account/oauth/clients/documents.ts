import { blockOf, isLocal } from '../../../network.ts'
import { OutboundError } from '../../../outbound.ts'
import type { Platform } from '../../../platform.ts'
import { OAuthError } from '../oauthError.ts'

export interface DocumentsDeps<Value> {
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
  /** Fetches and reads a document. Throws OutboundError, or OAuthError for one that is wrong. */
  load(key: string): Promise<Value>
  /** Whether strangers must not be able to have this one forgotten, or to hold it up. */
  isKept(key: string): boolean
}

/** What clients publish of themselves, as it was read. */
export interface Documents<Value> {
  /** The document, at most 10 minutes old. Throws as `load` does. `network` is the caller's, for the limits. */
  get(key: string, network?: string): Promise<Value>
  /** The document as it is now, unless it was asked for within the last half minute. */
  getLatest(key: string, network?: string): Promise<Value>
}

const FRESH_MS = 10 * 60_000
/** For so long a document that cannot be had is taken as it was: clients refresh their tokens every quarter of an hour. */
const STALE_MS = 3600_000
/** The floor between tries of one that could not be had, or was wrong. */
const FAILED_MS = 10_000
const LATEST_MS = 30_000
/** A request ends within 10 seconds. One that has not, was lost with the request that began it. */
const LOST_MS = 12_000
/** Each has at most 64 KB. */
const MAX_DOCUMENTS = 100
/** On their way at once, for clients that hold no grant: servers that do not answer must not hold up the others. */
const MAX_PENDING = 20
/** Of these, for a network and its neighbours: one stranger must not take them all. */
const MAX_PENDING_OF_BLOCK = 4

interface Entry<Value> {
  value?: { is: Value; at: number }
  failure?: { cause: unknown; at: number }
  /** `block`: for whom it went out. */
  pending?: { work: Promise<Value>; at: number; block: string | undefined }
}

/** Whether the server was not there, or only busy. */
const isPassing = (cause: unknown): boolean =>
  cause instanceof OutboundError &&
  (cause.status === undefined ? !['Blocked', 'TooLarge'].includes(cause.code) : cause.status >= 429)

/**
 * Keeps documents in the memory of the object. One request is on its way for each however many wait for it; one that
 * failed is not tried again for a while; and the one that was used longest ago goes first, unless it is to be kept.
 */
export const createDocuments = <Value>({
  platform,
  load,
  isKept,
}: DocumentsDeps<Value>): Documents<Value> => {
  const entries = new Map<string, Entry<Value>>()

  /** If the clock has gone back, nothing is recent. */
  const isWithin = (at: number, ms: number): boolean => {
    const age = platform.now() - at
    return age >= 0 && age < ms
  }

  const makeRoom = (): void => {
    for (const [key, entry] of [...entries]) {
      if (entries.size < MAX_DOCUMENTS) return
      entries.delete(key)
      // What is kept is looked at again after all others.
      if (isKept(key)) entries.set(key, entry)
    }
    for (const first of entries.keys()) {
      if (entries.size < MAX_DOCUMENTS) return
      entries.delete(first)
    }
  }

  /** The entry of a key, which is now the one that was used last. */
  const entryOf = (key: string): Entry<Value> => {
    const entry = entries.get(key) ?? {}
    if (!entries.delete(key)) makeRoom()
    entries.set(key, entry)
    return entry
  }

  const running = ({ pending }: Entry<Value>): Promise<Value> | undefined =>
    pending && isWithin(pending.at, LOST_MS) ? pending.work : undefined

  const fetchAndKeep = async (key: string, entry: Entry<Value>): Promise<Value> => {
    try {
      const is = await load(key)
      entry.value = { is, at: platform.now() }
      entry.failure = undefined
      return is
    } catch (cause) {
      entry.failure = { cause, at: platform.now() }
      if (!isPassing(cause)) entry.value = undefined
      throw cause
    } finally {
      entry.pending = undefined
    }
  }

  const assertPlace = (block: string | undefined): void => {
    const strangers = [...entries].filter(([other, it]) => running(it) !== undefined && !isKept(other))
    const ofBlock = strangers.filter(([, { pending }]) => pending?.block === block).length
    const isCrowded = block !== undefined && ofBlock >= MAX_PENDING_OF_BLOCK
    if (!isCrowded && strangers.length < MAX_PENDING) return
    throw new OAuthError(
      'temporarily_unavailable',
      `the metadata of ${isCrowded ? `${ofBlock} clients is being fetched for your network` : `${strangers.length} clients is being fetched`} already; try again in ${LOST_MS / 1000} seconds`,
      { 'retry-after': String(LOST_MS / 1000) },
    )
  }

  const begin = (key: string, entry: Entry<Value>, network: string | undefined): Promise<Value> => {
    const block = isLocal(network) ? undefined : blockOf(network)
    if (!isKept(key)) assertPlace(block)
    const work = fetchAndKeep(key, entry)
    entry.pending = { work, at: platform.now(), block }
    platform.keepAlive(work.catch(() => {}))
    return work
  }

  /** Waits for a fetch of another request, which may have died with it. */
  const inTime = async (work: Promise<Value>): Promise<Value> => {
    let stop = (): void => {}
    const lost = new Promise<never>((_, reject) => {
      stop = platform.timer(LOST_MS, () =>
        reject(new OutboundError('Timeout', `no answer within ${LOST_MS / 1000} seconds`)),
      )
    })
    try {
      return await Promise.race([work, lost])
    } finally {
      stop()
    }
  }

  const getWithin = async (key: string, ms: number, network?: string): Promise<Value> => {
    const entry = entryOf(key)
    const { value, failure } = entry
    const stale = value && isWithin(value.at, STALE_MS) ? value : undefined
    if (value && isWithin(value.at, ms)) return value.is
    if (failure && isWithin(failure.at, FAILED_MS)) {
      if (stale) return stale.is
      throw failure.cause
    }
    try {
      return await inTime(running(entry) ?? begin(key, entry, network))
    } catch (cause) {
      if (stale && isPassing(cause)) return stale.is
      throw cause
    }
  }

  return {
    get: (key, network) => getWithin(key, FRESH_MS, network),
    getLatest: (key, network) => getWithin(key, LATEST_MS, network),
  }
}
