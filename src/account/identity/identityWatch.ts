/** What the network says about the account's DID, and the one place that notices when it has moved. */
import type { Identity } from '../../identity/identity.ts'
import { formatDidDocument } from '../../identity/didDocument.ts'
import type { Platform } from '../../platform.ts'
import { PDS_ID, PDS_TYPE } from '../../plc/build.ts'
import type { PlcHead } from '../../plc/types.ts'
import type { Journal } from '../journal.ts'
import type { PlcLedger } from '../plc/plcLedger.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, readAnnounced, setAnnounced, setMovedTo } from '../db/accountRow.ts'

/** The DID at one moment. */
export interface Observation {
  at: number
  /** Origin of the PDS that the DID names; undefined where it names none. */
  pds: string | undefined
  /** did:key of `#atproto`. */
  signingKey: string | undefined
  handle: string | undefined
  /** did:plc: the newest operation, from the log verified from its genesis on. */
  head: PlcHead | undefined
  /** The DID document; undefined for a tombstoned DID. */
  document: { [name: string]: unknown } | undefined
}

export interface WatchDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  identity: Pick<Identity, 'resolveDid' | 'directory'>
  sequencer: Sequencer
  journal: Journal
  ledger: PlcLedger
  did: string
  handle: string
  origin: string
  /** did:key of the configured signing key. */
  signingKey: string
}

/** What the last `#identity` was about. */
interface Announced {
  handle: string
  key: string | null
  /** The handle that was configured then. */
  configured: string
}

// How old an observation may be for an answer that only shows it. Once an operation has been signed
// here the DID may move at any moment, and a session's answer must not lead back to the old place.
const FRESH = 5 * 60_000
const AFTER_SIGNING = 24 * 3600_000
/** After a failure, that long nobody waits for the directory again. */
const RETRY = 30_000
/** Milliseconds that a sign-in waits for a document that it can do without. */
const PATIENCE = 2500

const originOf = (endpoint: string | undefined): string | undefined =>
  endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined

export class IdentityWatch {
  readonly #deps: WatchDeps
  #last: Observation | undefined
  #failedAt: number | undefined
  #asked = 0
  #answered = 0

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  /** The latest observation of this object's life, however old. */
  get last(): Observation | undefined {
    return this.#last
  }

  /** Asks now, and records what changed. Throws DirectoryError and IdentityError. */
  async observe(): Promise<Observation> {
    const turn = ++this.#asked
    try {
      const observation = await this.#ask()
      // An answer that was overtaken by a later one says nothing new.
      if (turn > this.#answered) {
        this.#answered = turn
        this.#last = observation
        this.#failedAt = undefined
        this.#record(observation)
      }
      return observation
    } catch (cause) {
      this.#failedAt = this.#deps.platform.now()
      throw cause
    }
  }

  /**
   * What is known, asked for again where that is old. Never fails and never takes long: undefined then.
   * `casual`: for answers that anybody may ask for as often as he likes, which must not become questions to the
   * directory; a few minutes do no harm there.
   */
  async glance({ casual = false } = {}): Promise<Observation | undefined> {
    const now = this.#deps.platform.now()
    const moving = !casual && this.#deps.ledger.signedSince(now - AFTER_SIGNING)
    const maxAge = moving ? 0 : FRESH
    if (this.#last && now - this.#last.at < maxAge) return this.#last
    if (this.#failedAt !== undefined && now - this.#failedAt < RETRY) return undefined
    const late = new Promise<undefined>((resolve) =>
      AbortSignal.timeout(PATIENCE).addEventListener('abort', () => resolve(undefined)),
    )
    return await Promise.race([this.observe().catch(() => undefined), late])
  }

  /** The DID names this server. */
  isHere(observation: Observation): boolean {
    return observation.pds === this.#deps.origin
  }

  async #ask(): Promise<Observation> {
    const { identity, did, platform } = this.#deps
    if (!did.startsWith('did:plc:')) {
      const document = await identity.resolveDid(did)
      const { pds, signingKey, handle } = document
      return { at: platform.now(), pds, signingKey, handle, head: undefined, document: document.json }
    }
    const head = await identity.directory.head(did)
    const at = platform.now()
    const { data } = head
    if (!data)
      return { at, head, pds: undefined, signingKey: undefined, handle: undefined, document: undefined }
    const service = data.services[PDS_ID]
    return {
      at,
      head,
      pds: service?.type === PDS_TYPE ? originOf(service.endpoint) : undefined,
      signingKey: data.verificationMethods.atproto,
      handle: data.alsoKnownAs
        .find((name) => name.startsWith('at://'))
        ?.slice('at://'.length)
        .toLowerCase(),
      document: { ...formatDidDocument(did, data) },
    }
  }

  /** The network was told of this handle and key: runs inside the transaction that appends the event. */
  announced(handle: string, key: string | undefined): void {
    const announced: Announced = { handle, key: key ?? null, configured: this.#deps.handle }
    setAnnounced(this.#deps.sql, JSON.stringify(announced))
  }

  /** The signing key of which the network was last told. */
  announcedKey(): string | undefined {
    return this.#lastAnnounced()?.key ?? undefined
  }

  /** Whether another handle or key is configured than when the network was last told. */
  isAnnouncedOtherwise(): boolean {
    const { sql, handle, signingKey } = this.#deps
    const last = this.#lastAnnounced()
    return (
      readAccount(sql).stored === 'active' &&
      last !== undefined &&
      (last.configured !== handle || last.key !== signingKey)
    )
  }

  /** Moving away, coming back, and another handle or key are written down and announced, each once. */
  #record(observation: Observation): void {
    const { sql, sequencer, journal } = this.#deps
    const row = readAccount(sql)
    // An account that is only just coming in has not moved away: its DID names the place it comes from.
    if (row.activatedAt === undefined) return
    const handle = observation.handle ?? this.#deps.handle
    const movedTo = this.isHere(observation) ? undefined : (observation.pds ?? '')
    if (row.movedTo === movedTo) {
      const last = this.#lastAnnounced()
      const known = last?.handle === handle && last.key === (observation.signingKey ?? null)
      // Elsewhere, or deactivated, it is not ours to announce; the activation does.
      if (movedTo !== undefined || row.stored !== 'active') return
      if (known && last.configured === this.#deps.handle) return
      sequencer.transaction(() => {
        if (last && !known) sequencer.identity(handle)
        this.announced(handle, observation.signingKey)
      })
      return
    }
    sequencer.transaction(() => {
      setMovedTo(sql, movedTo, observation.at)
      // Coming back is announced by the activation.
      if (movedTo !== undefined || row.stored === 'active') {
        sequencer.identity(handle)
        this.announced(handle, observation.signingKey)
      }
      if (movedTo === undefined) journal.append('moved-back', {})
      else journal.append('moved-away', { pds: movedTo, head: observation.head?.cid ?? null })
    })
  }

  #lastAnnounced(): Announced | undefined {
    const announced = readAnnounced(this.#deps.sql)
    // Only `announced` writes it.
    return announced === undefined ? undefined : (JSON.parse(announced) as Announced)
  }
}
