/** What the account does by itself, by alarm: collection in bounded steps, a look at its DID, a word to the relays. */
import type { Platform } from '../platform.ts'
import type { Blobs } from './blobs/blobs.ts'
import { type Exports, KEPT } from './repo/exports.ts'
import type { Firehose } from './events/firehose.ts'
import type { Relays } from './events/relays.ts'
import type { Sequencer } from './events/sequencer.ts'
import type { Sql } from './db/sql.ts'
import type { Repack } from './blocks/repack.ts'

export interface MaintenanceDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep'>
  repack: Repack
  blobs: Blobs
  exports: Exports
  sequencer: Sequencer
  relays: Pick<Relays, 'run' | 'nextAt'>
  firehose: Pick<Firehose, 'resume'>
  /** Milliseconds that events are kept. */
  retention: number
  /** Looks where the DID points. Failures are the network's, not the account's. */
  observe(): Promise<unknown>
  alarms: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>
  /** Is told why a chore failed. */
  report(cause: unknown): void
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const STEP = 1000
/** Steps in one alarm: a megabyte each is packed, some ten milliseconds each are collected. */
const STEPS = { pack: 4, collect: 16 }
/** Events after which it is seen whether there is much to pack. */
const OFTEN = 100
/** While a move may be under way, how often the DID is looked at; and else. */
const WATCH = { moving: 2 * MINUTE, quiet: 6 * HOUR }

export class Maintenance {
  readonly #deps: MaintenanceDeps
  #observedAt = 0
  #begun = false
  #events = 0
  #waking: Promise<void> = Promise.resolve()

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps
  }

  /** Makes sure of an alarm within `delay` milliseconds. */
  wake(delay: number): Promise<void> {
    const { alarms, platform } = this.#deps
    const wanted = platform.now() + delay
    // One after the other: between the question and the answer another may set a nearer one.
    const waking = this.#waking.then(async () => {
      const set = await alarms.getAlarm()
      if (set === null || set > wanted) await alarms.setAlarm(wanted)
    })
    this.#waking = waking.catch(() => {})
    return waking
  }

  /** There is a log to trim: from the first event on there is always an alarm, and soon one after many. */
  begin(): void {
    if (++this.#events % OFTEN === 0 && this.#deps.repack.isDue) void this.wake(SECOND).catch(() => {})
    if (this.#begun) return
    this.#begun = true
    this.wake(WATCH.quiet).catch(() => (this.#begun = false))
  }

  /** Something was written that will have to be collected: at most one alarm an hour. */
  collectSoon(): Promise<void> {
    return this.wake(KEPT)
  }

  /** A token was minted or an operation signed: the DID may move soon. */
  watchMove(): Promise<void> {
    return this.wake(WATCH.moving)
  }

  /**
   * One step of everything, and the next alarm. What fails is left for the next time and keeps nothing else
   * from being done: an alarm that throws is given up by the platform after a few more tries.
   */
  async run(): Promise<void> {
    const { repack, blobs, exports, sequencer, platform, firehose, relays, retention } = this.#deps
    const now = platform.now()
    await this.#attempt(() => firehose.resume())
    const steps = [
      await this.#attempt(() => this.#several(STEPS.pack, () => repack.step())),
      await this.#attempt(() =>
        this.#several(STEPS.collect, () => repack.collect(Math.min(now - KEPT, exports.oldest() ?? now))),
      ),
      await this.#attempt(() => sequencer.prune(now - retention, STEP)),
      await this.#attempt(() => blobs.collect(STEP)),
    ]
    const watching = this.#moving(now) ? WATCH.moving : WATCH.quiet
    const asking = this.#attempt(() => relays.run().then(() => true))
    const [asked] = await Promise.all([asking, this.#observe(now, watching)])
    const more = steps.some((step) => step?.more)
    const crawl = asked ? (relays.nextAt() ?? Infinity) - platform.now() : MINUTE
    const waiting = Math.min(repack.dueIn, this.#waste() ? KEPT : WATCH.quiet)
    const next = more ? SECOND : Math.min(watching, Math.max(SECOND, waiting))
    await this.wake(Math.max(0, Math.min(next, crawl)))
  }

  /** A few steps, between which others get their turn. */
  async #several(count: number, step: () => { more: boolean }): Promise<{ more: boolean }> {
    let { more } = step()
    for (let n = 1; n < count && more; n++) {
      await this.#deps.platform.sleep(0)
      ;({ more } = step())
    }
    return { more }
  }

  async #attempt<T>(work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (cause) {
      this.#deps.report(cause)
      return undefined
    }
  }

  /** While there is much to collect the alarm rings every second; the directory is not asked that often. */
  async #observe(now: number, every: number): Promise<void> {
    if (now - this.#observedAt < Math.min(every, WATCH.moving) / 2) return
    this.#observedAt = now
    await this.#deps.observe().catch(() => undefined)
  }

  /** From the newest row backwards to the token or signature, or to what is an hour old: no flood hides it. */
  #moving(now: number): boolean {
    const row = this.#deps.sql.first(
      `WITH RECURSIVE past (n, at, event) AS (
         SELECT * FROM (SELECT n, at, event FROM journal ORDER BY n DESC LIMIT 1)
         UNION ALL
         SELECT journal.n, journal.at, journal.event FROM past JOIN journal ON journal.n = past.n - 1
         WHERE past.at > ?1 AND past.event NOT IN ('mint', 'sign')
       )
       SELECT 1 AS yes FROM past WHERE event IN ('mint', 'sign') AND at > ?1`,
      now - HOUR,
    )
    return row !== undefined
  }

  #waste(): boolean {
    const { repack, sql } = this.#deps
    return repack.hasReplacedRows || sql.first('SELECT 1 AS yes FROM blob_loose LIMIT 1') !== undefined
  }
}
