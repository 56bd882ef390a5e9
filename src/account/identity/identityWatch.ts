import type { ServerName } from '../../configValues.ts'
import type { Identity } from '../../identity/identity.ts'
import type { Platform } from '../../platform.ts'
import type { SigningKey } from '../../signing/keys.ts'
import type { Journal } from '../journal.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, setMovedTo } from '../db/accountRow.ts'
import { lastAnnounced, storeAnnounced } from './announced.ts'
import { type Observation, observeDid } from './observeDid.ts'
import { upstreamError } from './upstreamError.ts'

/** Watches the account's DID: the one place that notices when the DID names another PDS, key or handle. */
export interface IdentityWatch {
  /** The latest observation since this object started, however old. */
  readonly last: Observation | undefined
  /** Asks the network now, and records and announces what changed. Throws DirectoryError and IdentityError. */
  observe(): Promise<Observation>
  /**
   * The latest observation that is younger than `maxAgeMs`, otherwise the one that is on its way, otherwise a new one; in
   * `retryMs` after a failure, that failure. However many ask, the network gets one request.
   */
  share(limits: ShareLimits): Promise<Observation>
  /** `observe`, for a request that cannot be answered without it: failures are XRPC errors. */
  lookUp(): Promise<Observation>
  /**
   * The latest observation or, if that is old, a new one. It never fails and never takes long: it gives undefined instead.
   * `casual`: for answers that anybody may request as often as they like, which must not become requests to the
   * directory. There, an observation that is a few minutes old is good enough.
   */
  glance(options?: { casual?: boolean }): Promise<Observation | undefined>
  /** Whether the DID names this server, perhaps by an address that it had before. */
  isHere(observation: Observation): boolean
  /** Stores what an `#identity` event tells the network. Runs inside the transaction that appends the event. */
  noteAnnounced(handle: string, key: string | undefined): void
  /** The signing key that the network was last told of. */
  announcedKey(): string | undefined
  /** Whether the account is active, and its handle or key here is not the one that the network was last told. */
  needsAnnouncement(): boolean
}

/** How often strangers can make this server ask the network. */
export interface ShareLimits {
  maxAgeMs: number
  retryMs: number
}

export interface IdentityWatchDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'timer'>
  identity: Pick<Identity, 'resolveDid' | 'directory'>
  sequencer: Sequencer
  journal: Journal
  /** Whether a PLC operation was signed here at or after this time, in milliseconds. */
  plcLedger: { signedSince(time: number): boolean }
  did: string
  /** The account's handle now. */
  handle(): string
  origin: string
  previous: readonly ServerName[]
  /** The key in use. */
  signingKey: Pick<SigningKey, 'did'>
}

/** How old an observation may be if it is only shown, and for how long `glance` does not ask again after a failure. */
const GLANCE_LIMITS: ShareLimits = { maxAgeMs: 5 * 60_000, retryMs: 30_000 }
/**
 * For this long after an operation was signed here, `glance` always asks: the DID may move at any moment, and a
 * session's answer must not lead back to the old PDS.
 */
const MOVE_EXPECTED_MS = 24 * 3600_000
/** How long a sign-in waits for a DID document that it can do without. */
const GLANCE_TIMEOUT_MS = 2500

export const createIdentityWatch = (deps: IdentityWatchDeps): IdentityWatch => {
  const { sql, platform, sequencer, journal, plcLedger, did, handle: ourHandle, signingKey } = deps
  const origins = [deps.origin, ...deps.previous.map(({ origin }) => origin)]
  let last: Observation | undefined
  let failure: { at: number; cause: unknown } | undefined
  /** The newest question to the network, until it is answered. */
  let pending: Promise<Observation> | undefined
  // Calls of `observe` are numbered: the newest, and the newest that was answered.
  let lastAsked = 0
  let lastAnswered = 0

  const noteAnnounced = (handle: string, key: string | undefined): void =>
    storeAnnounced(sql, { handle, key: key ?? null, configured: ourHandle() })

  const isHere = ({ pds }: Observation): boolean => pds !== undefined && origins.includes(pds)

  /** Records and announces, each once: moving away, coming back, another handle or key. */
  const record = (observation: Observation): void => {
    const row = readAccount(sql)
    // An account that is still moving in has not moved away: its DID names the PDS that it comes from.
    if (row.activatedAt === undefined) return
    const handle = observation.handle ?? ourHandle()
    const movedTo = isHere(observation) ? undefined : (observation.pds ?? '')
    if (row.movedTo === movedTo) {
      const before = lastAnnounced(sql)
      const isAnnounced = before?.handle === handle && before.key === (observation.signingKey ?? null)
      // While the DID names another PDS, that one announces it; while the account is deactivated, its activation will.
      if (movedTo !== undefined || row.storedState !== 'active') return
      if (isAnnounced && before.configured === ourHandle()) return
      sequencer.transaction(() => {
        if (before && !isAnnounced) sequencer.appendIdentity(handle)
        noteAnnounced(handle, observation.signingKey)
      })
      return
    }
    sequencer.transaction(() => {
      setMovedTo(sql, movedTo, observation.at)
      // If the account comes back deactivated, its activation announces it.
      if (movedTo !== undefined || row.storedState === 'active') {
        sequencer.appendIdentity(handle)
        noteAnnounced(handle, observation.signingKey)
      }
      if (movedTo === undefined) journal.append('moved-back', {})
      else journal.append('moved-away', { pds: movedTo, head: observation.head?.cid ?? null })
    })
  }

  const ask = async (): Promise<Observation> => {
    const asked = ++lastAsked
    try {
      const observation = await observeDid(deps, did)
      // An answer that arrives after the answer to a later question says nothing new.
      if (asked > lastAnswered) {
        lastAnswered = asked
        last = observation
        failure = undefined
        // What the network says is recorded, no matter who asked and whether their session has ended.
        sql.unguarded(() => record(observation))
      }
      return observation
    } catch (cause) {
      failure = { at: platform.now(), cause }
      throw cause
    }
  }

  const observe = async (): Promise<Observation> => {
    const answer = ask()
    pending = answer
    try {
      return await answer
    } finally {
      if (pending === answer) pending = undefined
    }
  }

  /** If the clock has gone back, nothing is recent. */
  const isRecent = (at: number, forMs: number): boolean => {
    const age = platform.now() - at
    return age >= 0 && age < forMs
  }

  const share = async ({ maxAgeMs, retryMs }: ShareLimits): Promise<Observation> => {
    if (last && isRecent(last.at, maxAgeMs)) return last
    if (pending) return await pending
    if (failure && isRecent(failure.at, retryMs)) throw failure.cause
    return await observe()
  }

  return {
    get last() {
      return last
    },
    observe,
    share,
    lookUp: async () => {
      try {
        return await observe()
      } catch (cause) {
        throw upstreamError(cause)
      }
    },
    glance: async ({ casual = false } = {}) => {
      const mayMove = !casual && plcLedger.signedSince(platform.now() - MOVE_EXPECTED_MS)
      // An answer that is on its way may be from before the move.
      const look = () => (mayMove ? observe() : share(GLANCE_LIMITS))
      if (last && !mayMove && isRecent(last.at, GLANCE_LIMITS.maxAgeMs)) return last
      if (failure && isRecent(failure.at, GLANCE_LIMITS.retryMs)) return undefined
      let stop = (): void => {}
      // The timer would keep the object awake, so it ends with the answer.
      const timeout = new Promise<undefined>((resolve) => {
        stop = platform.timer(GLANCE_TIMEOUT_MS, () => resolve(undefined))
      })
      try {
        return await Promise.race([look().catch(() => undefined), timeout])
      } finally {
        stop()
      }
    },
    isHere,
    noteAnnounced,
    announcedKey: () => lastAnnounced(sql)?.key ?? undefined,
    needsAnnouncement: () => {
      const announced = lastAnnounced(sql)
      return (
        readAccount(sql).storedState === 'active' &&
        announced !== undefined &&
        (announced.configured !== ourHandle() || announced.key !== signingKey.did)
      )
    },
  }
}
