import type { Outbound } from '../../outbound.ts'
import { OutboundError } from '../../outbound.ts'
import type { Platform } from '../../platform.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, stateOf } from '../db/accountRow.ts'
import { parseJsonObject } from '../../parseJsonObject.ts'

/** Asks relays to crawl this server when there are new events. The alarm does it: no write waits for it, or fails with it. */
export interface Relays {
  /** Called for each event that was committed: makes sure that an alarm rings when the next relay is due. */
  noteEvent(): void
  /** Called when the account was activated: all relays are asked at once, however recently they were asked before. */
  askAtOnce(): void
  /** When the next relay is to be asked (milliseconds); undefined while all of them know of every event. */
  nextAt(): number | undefined
  /** Asks the relays that are due. */
  run(): Promise<void>
  /** Asks these relays now; without them, all that are configured. */
  ask(relays?: readonly string[]): Promise<CrawlAnswer[]>
  /** What the configured relays say of this server. */
  statuses(): Promise<RelayStatus[]>
}

/** What a relay says of this server. */
export interface RelayStatus {
  relay: string
  /** `active`, `idle`, `offline`, `throttled` or `banned`, by its lexicon; `unknown` where it does not know this host. */
  status?: string
  /** The last event that it has. */
  seq?: number
  /** Why it did not say. */
  error?: string
}

export interface CrawlAnswer {
  relay: string
  ok: boolean
  error?: string
}

export interface RelayDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  sequencer: Pick<Sequencer, 'latest'>
  send: Outbound
  /** The configured relays, as origins. */
  relays: readonly string[]
  hostname: string
  /** Makes sure that `run` is called within `delayMs`. */
  wake(delayMs: number): void
  log(line: string): void
}

/** When a relay was asked, and of which events it knows. Times are in milliseconds. */
interface Crawl {
  /** The latest event when the relay last accepted a request. */
  seq: number
  askedAt: number
  /** Since the last success. */
  failures: number
  retryAt: number
}

const MINUTE_MS = 60_000
/** Between two requests to a relay. The reference PDS does not ask more often, and relays count requests. */
const INTERVAL_MS = 20 * MINUTE_MS
/** The delay after a failure: doubled with each one in a row. */
const RETRY_MS = { first: MINUTE_MS, most: 6 * 60 * MINUTE_MS }
const MAX_ANSWER_BYTES = 64 * 1024
/** How long a relay that accepted a request may take to follow before it is asked again. */
const REST_MS = 3 * 60 * MINUTE_MS
/** Between two looks at what the relays say. */
const STATUS_CHECK_MS = 60 * MINUTE_MS
/** A relay with one of these statuses does not follow, and begins again when it is asked. */
const NOT_FOLLOWING: readonly (string | undefined)[] = ['offline', 'unknown']

export const createRelays = (deps: RelayDeps): Relays => {
  const { sql, platform, sequencer, relays, log } = deps
  /** Whether an alarm is set for the events so far. */
  let hasAlarm = false
  let statusCheckedAt = 0

  const read = (relay: string): Crawl => {
    const row = sql.first<{ seq: number; asked_at: number; failures: number; retry_at: number }>(
      'SELECT seq, asked_at, failures, retry_at FROM crawl WHERE relay = ?',
      relay,
    )
    return row
      ? { seq: row.seq, askedAt: row.asked_at, failures: row.failures, retryAt: row.retry_at }
      : { seq: 0, askedAt: 0, failures: 0, retryAt: 0 }
  }

  const store = (relay: string, { seq, askedAt, failures, retryAt }: Crawl): void => {
    sql.run(
      `INSERT INTO crawl (relay, seq, asked_at, failures, retry_at) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT (relay) DO UPDATE SET seq = ?2, asked_at = ?3, failures = ?4, retry_at = ?5`,
      relay,
      seq,
      askedAt,
      failures,
      retryAt,
    )
  }

  const dueAt = ({ askedAt, retryAt }: Crawl): number => Math.max(askedAt + INTERVAL_MS, retryAt)

  const nextAt = (): number | undefined => {
    // An account that is still being moved in is not announced yet.
    if (readAccount(sql).activatedAt === undefined) return undefined
    const latest = sequencer.latest()
    const dues = relays
      .map(read)
      .filter(({ seq }) => seq < latest)
      .map(dueAt)
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** Logs that a relay could not be asked, and sets the time of the next try. */
  const noteFailure = (relay: string, why: string): CrawlAnswer => {
    log(`requestCrawl at ${relay} failed: ${why}`)
    if (relays.includes(relay)) {
      const crawl = read(relay)
      const delay = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(crawl.failures, 16))
      store(relay, { ...crawl, failures: crawl.failures + 1, retryAt: platform.now() + delay })
    }
    return { relay, ok: false, error: why }
  }

  const askOne = async (relay: string): Promise<CrawlAnswer> => {
    const latest = sequencer.latest()
    try {
      const answer = await deps.send(`${relay}/xrpc/com.atproto.sync.requestCrawl`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ hostname: deps.hostname }),
        maxBytes: MAX_ANSWER_BYTES,
        statuses: 'any',
      })
      const text = await answer.text()
      if (answer.status < 200 || answer.status > 299)
        return noteFailure(relay, `it answered ${answer.status} ${reasonOf(text)}`)
      if (relays.includes(relay))
        store(relay, { seq: latest, askedAt: platform.now(), failures: 0, retryAt: 0 })
      return { relay, ok: true }
    } catch (cause) {
      if (!(cause instanceof OutboundError)) log(`requestCrawl at ${relay}: ${String(cause)}`)
      return noteFailure(relay, cause instanceof OutboundError ? cause.message : 'it could not be asked')
    }
  }

  const statusAt = async (relay: string): Promise<RelayStatus> => {
    const url = `${relay}/xrpc/com.atproto.sync.getHostStatus?hostname=${encodeURIComponent(deps.hostname)}`
    try {
      const answer = await deps.send(url, { maxBytes: MAX_ANSWER_BYTES, statuses: 'any' })
      return { relay, ...readHostStatus(answer.status, await answer.text()) }
    } catch (cause) {
      if (!(cause instanceof OutboundError)) log(`getHostStatus at ${relay}: ${String(cause)}`)
      return { relay, error: cause instanceof OutboundError ? cause.message : 'it could not be asked' }
    }
  }

  /**
   * Asks those relays again that had been told of everything and do not follow any more: after an outage of this
   * server, a relay gives up, and an account that is quiet would never tell it.
   */
  const askThoseThatGaveUp = async (now: number): Promise<void> => {
    if (now - statusCheckedAt < STATUS_CHECK_MS || stateOf(readAccount(sql)) !== 'active') return
    statusCheckedAt = now
    const rested = relays.filter((relay) => {
      const { askedAt, retryAt } = read(relay)
      return askedAt + REST_MS <= now && retryAt <= now
    })
    const found = await Promise.all(rested.map(statusAt))
    await ask(found.filter(({ status }) => NOT_FOLLOWING.includes(status ?? '')).map(({ relay }) => relay))
  }

  const ask = (asked: readonly string[] = relays): Promise<CrawlAnswer[]> => Promise.all(asked.map(askOne))

  return {
    noteEvent: () => {
      if (hasAlarm) return
      const due = nextAt()
      if (due === undefined) return
      hasAlarm = true
      deps.wake(Math.max(0, due - platform.now()))
    },
    askAtOnce: () => {
      if (relays.length === 0) return
      sql.run('UPDATE crawl SET seq = 0, asked_at = 0, failures = 0, retry_at = 0')
      hasAlarm = true
      deps.wake(0)
    },
    nextAt,
    run: async () => {
      hasAlarm = false
      const now = platform.now()
      const latest = sequencer.latest()
      const due = relays.filter((relay) => {
        const crawl = read(relay)
        return crawl.seq < latest && dueAt(crawl) <= now
      })
      if ((nextAt() ?? Infinity) <= now) await ask(due)
      await askThoseThatGaveUp(now)
    },
    ask,
    statuses: () => Promise.all(relays.map(statusAt)),
  }
}

/** What an answer of getHostStatus says. It is a stranger's: only what has the form that it must have is taken. */
const readHostStatus = (httpStatus: number, text: string): Omit<RelayStatus, 'relay'> => {
  const body = parseJsonObject(text)
  if (httpStatus === 400 && body['error'] === 'HostNotFound') return { status: 'unknown' }
  const { status, seq } = body
  if (httpStatus !== 200 || typeof status !== 'string' || !/^[a-z]{1,20}$/.test(status))
    return { error: `it does not say (${httpStatus} ${reasonOf(text)})`.replace(' )', ')') }
  return { status, ...(Number.isSafeInteger(seq) ? { seq: Number(seq) } : {}) }
}

/** The start of the error message in an answer, safe to log: text from strangers is not printed unchanged. */
const reasonOf = (text: string): string => {
  const { message, error } = parseJsonObject(text)
  const said = typeof message === 'string' ? message : typeof error === 'string' ? error : ''
  return said.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
