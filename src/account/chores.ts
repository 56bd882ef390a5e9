/** What the account does by itself, by alarm: collection in bounded steps, and a look at its DID. */
import type { Platform } from '../platform.ts'
import type { Blobs } from './blobs.ts'
import type { Blocks } from './blocks.ts'
import type { Exports } from './export.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sql } from './sql.ts'

export interface ChoreParts {
  sql: Sql
  platform: Pick<Platform, 'now'>
  blocks: Blocks
  blobs: Blobs
  exports: Exports
  sequencer: Sequencer
  /** Looks where the DID points. Failures are the network's, not the account's. */
  observe(): Promise<unknown>
  alarms: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Dropped blocks and unreferenced uploads are kept at least this long. */
const GRACE = HOUR
/** Events are kept this long. */
const RETENTION = 3 * DAY
const STEP = 1000
/** While a move may be under way, how often the DID is looked at; and else. */
const WATCH = { moving: 2 * MINUTE, quiet: 6 * HOUR }

export class Chores {
  readonly #parts: ChoreParts

  constructor(parts: ChoreParts) {
    this.#parts = parts
  }

  /** Makes sure of an alarm within `delay` milliseconds. */
  async #wake(delay: number): Promise<void> {
    const { alarms, platform } = this.#parts
    const wanted = platform.now() + delay
    const set = await alarms.getAlarm()
    if (set === null || set > wanted) await alarms.setAlarm(wanted)
  }

  /** Something was written that will have to be collected: at most one alarm an hour. */
  collectSoon(): Promise<void> {
    return this.#wake(GRACE)
  }

  /** A token was minted or an operation signed: the DID may move soon. */
  watchMove(): Promise<void> {
    return this.#wake(WATCH.moving)
  }

  /** One step of everything, and the next alarm. */
  async run(): Promise<void> {
    const { blocks, blobs, exports, sequencer, platform } = this.#parts
    const now = platform.now()
    const collected = blocks.collect(now - GRACE, exports.oldest(), STEP)
    const deleted = await blobs.collect(STEP)
    const pruned = sequencer.prune(now - RETENTION, STEP)
    await this.#parts.observe().catch(() => undefined)
    const more = collected.more || deleted.more || pruned === STEP
    await this.#wake(more ? SECOND : this.#moving(now) ? WATCH.moving : this.#waste() ? GRACE : WATCH.quiet)
  }

  #moving(now: number): boolean {
    const row = this.#parts.sql.first<{ at: number | null }>(
      "SELECT max(at) AS at FROM (SELECT at, event FROM journal ORDER BY n DESC LIMIT 100) WHERE event IN ('mint', 'sign')",
    )
    return row?.at != null && now - row.at < HOUR
  }

  #waste(): boolean {
    const row = this.#parts.sql.first<{ waste: number }>(
      'SELECT (EXISTS (SELECT 1 FROM garbage) OR EXISTS (SELECT 1 FROM blob_loose)) AS waste',
    )
    return row?.waste === 1
  }
}
