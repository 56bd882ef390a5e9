/** Tells relays that there is something to fetch here. By alarm: a write never waits for it, or fails with it. */
import type { Outbound } from '../../outbound.ts'
import { OutboundError } from '../../outbound.ts'
import type { Platform } from '../../platform.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount } from '../db/accountRow.ts'

export interface RelayDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  sequencer: Pick<Sequencer, 'latest'>
  send: Outbound
  /** Origins. */
  relays: readonly string[]
  hostname: string
  /** Makes sure that `run` is called in so many milliseconds. */
  wake(delay: number): void
  log(line: string): void
}

export interface Asked {
  relay: string
  ok: boolean
  error?: string
}

interface Row {
  /** The last event when the relay was last asked with success. */
  seq: number
  askedAt: number
  failures: number
  retryAt: number
}

const MINUTE = 60_000
/** The reference asks no more often, and relays count requests. */
const EVERY = 20 * MINUTE
const RETRY = { first: MINUTE, most: 6 * 60 * MINUTE }
const MAX_ANSWER = 64 * 1024

export class Relays {
  readonly #deps: RelayDeps
  /** An alarm is set for what has happened so far. */
  #awaited = false

  constructor(deps: RelayDeps) {
    this.#deps = deps
  }

  /** An event was committed. */
  noticed(): void {
    if (this.#awaited) return
    const due = this.nextAt()
    if (due === undefined) return
    this.#awaited = true
    this.#deps.wake(Math.max(0, due - this.#deps.platform.now()))
  }

  /** The account has come up: the relays are told at once, whenever they were asked before. */
  hurry(): void {
    if (this.#deps.relays.length === 0) return
    this.#deps.sql.run('UPDATE crawl SET seq = 0, asked_at = 0, failures = 0, retry_at = 0')
    this.#awaited = true
    this.#deps.wake(0)
  }

  /** When the next relay is to be asked; undefined while all know of everything. */
  nextAt(): number | undefined {
    // An account that is only just coming in is not announced yet.
    if (readAccount(this.#deps.sql).activatedAt === undefined) return undefined
    const latest = this.#deps.sequencer.latest()
    const dues = this.#deps.relays
      .map((relay) => this.#row(relay))
      .filter(({ seq }) => seq < latest)
      .map(({ askedAt, retryAt }) => Math.max(askedAt + EVERY, retryAt))
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** Asks those whose time has come. */
  async run(): Promise<void> {
    const { relays, platform, sequencer } = this.#deps
    this.#awaited = false
    const now = platform.now()
    if ((this.nextAt() ?? Infinity) > now) return
    const latest = sequencer.latest()
    const due = relays.filter((relay) => {
      const { seq, askedAt, retryAt } = this.#row(relay)
      return seq < latest && Math.max(askedAt + EVERY, retryAt) <= now
    })
    await this.ask(due)
  }

  /** Asks these, or all that are configured, now. */
  async ask(relays: readonly string[] = this.#deps.relays): Promise<Asked[]> {
    return await Promise.all(relays.map((relay) => this.#ask(relay)))
  }

  async #ask(relay: string): Promise<Asked> {
    const { sequencer, platform, hostname, send, relays, log } = this.#deps
    const latest = sequencer.latest()
    const configured = relays.includes(relay)
    try {
      const answer = await send(`${relay}/xrpc/com.atproto.sync.requestCrawl`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ hostname }),
        maxBytes: MAX_ANSWER,
        statuses: 'any',
      })
      const text = await answer.text()
      if (answer.status < 200 || answer.status > 299)
        return this.#failed(relay, `it answered ${answer.status} ${reason(text)}`)
      if (configured) this.#store(relay, { seq: latest, askedAt: platform.now(), failures: 0, retryAt: 0 })
      return { relay, ok: true }
    } catch (cause) {
      if (!(cause instanceof OutboundError)) log(`requestCrawl at ${relay}: ${String(cause)}`)
      return this.#failed(relay, cause instanceof OutboundError ? cause.message : 'it could not be asked')
    }
  }

  #failed(relay: string, why: string): Asked {
    const { relays, platform, log } = this.#deps
    log(`requestCrawl at ${relay} failed: ${why}`)
    if (relays.includes(relay)) {
      const row = this.#row(relay)
      const failures = row.failures + 1
      const delay = Math.min(RETRY.most, RETRY.first * 2 ** Math.min(row.failures, 16))
      this.#store(relay, { ...row, failures, retryAt: platform.now() + delay })
    }
    return { relay, ok: false, error: why }
  }

  #row(relay: string): Row {
    const row = this.#deps.sql.first<{ seq: number; asked_at: number; failures: number; retry_at: number }>(
      'SELECT seq, asked_at, failures, retry_at FROM crawl WHERE relay = ?',
      relay,
    )
    return row
      ? { seq: row.seq, askedAt: row.asked_at, failures: row.failures, retryAt: row.retry_at }
      : { seq: 0, askedAt: 0, failures: 0, retryAt: 0 }
  }

  #store(relay: string, { seq, askedAt, failures, retryAt }: Row): void {
    this.#deps.sql.run(
      `INSERT INTO crawl (relay, seq, asked_at, failures, retry_at) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT (relay) DO UPDATE SET seq = ?2, asked_at = ?3, failures = ?4, retry_at = ?5`,
      relay,
      seq,
      askedAt,
      failures,
      retryAt,
    )
  }
}

/** The start of an error's message, fit to be shown: what a stranger sends is not printed as it stands. */
const reason = (text: string): string => {
  try {
    const { message, error }: { message?: unknown; error?: unknown } = Object(JSON.parse(text))
    const said = typeof message === 'string' ? message : typeof error === 'string' ? error : ''
    return said.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
  } catch {
    return ''
  }
}
