import type { Platform } from '../platform.ts'
import type { Blobs } from './blobs/blobs.ts'
import { type Exports, SUPERSEDED_RETENTION_MS } from './repo/exports/exports.ts'
import type { Eraser } from './lifecycle/erase.ts'
import type { Firehose } from './events/firehose.ts'
import type { Flow } from './oauth/flow.ts'
import type { Pulls } from './import/pull/pulls.ts'
import type { Relays } from './events/relays.ts'
import type { Sequencer } from './events/sequencer.ts'
import { readAccount, stateOf } from './db/accountRow.ts'
import { readRetention } from './db/retention.ts'
import type { Sql } from './db/sql.ts'
import type { BucketBackups } from './backup/bucketBackups.ts'
import type { Repack } from './blocks/packs/repack.ts'

/**
 * What the account does by itself, when its alarm rings: it packs and collects in bounded steps, checks where its DID
 * points, and asks the relays to crawl new events.
 */
export interface Maintenance {
  /** Makes sure that the alarm rings within `delayMs`. */
  wake(delayMs: number): Promise<void>
  /**
   * Called for each event that was committed. Events are deleted after a time, so from the first one on there is always
   * an alarm; after many events it rings soon if there is much to pack.
   */
  noteEvent(): void
  /** Called when something was written that must be collected later. Sets at most one alarm an hour. */
  collectLater(): Promise<void>
  /** Called when a token was minted or an operation signed: the DID may move soon, so it is checked more often. */
  watchMove(): Promise<void>
  /**
   * Runs one step of everything, and sets the next alarm. A step that fails is left for the next time, and the others
   * run all the same: an alarm that throws is tried a few more times, and then the platform gives it up.
   */
  run(): Promise<void>
}

export interface MaintenanceDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep'>
  repack: Repack
  blobs: Pick<Blobs, 'collect'>
  exports: Pick<Exports, 'neededSince'>
  sequencer: Pick<Sequencer, 'prune'>
  relays: Pick<Relays, 'run' | 'nextAt'>
  firehose: Pick<Firehose, 'resume'>
  eraser: Pick<Eraser, 'step'>
  backups: Pick<BucketBackups, 'runIfDue' | 'dueInMs' | 'erase'>
  pulls: Pick<Pulls, 'step'>
  oauth: Pick<Flow, 'collect'>
  /** Milliseconds that events are kept. */
  retentionMs: number
  /** Checks where the DID points. A failure is the network's, not the account's, so it is not reported. */
  followDid(): Promise<unknown>
  alarms: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>
  /** Gets the reason why a step failed. */
  report(cause: unknown): void
}

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Events and blob objects that one alarm deletes at most. */
const DELETE_LIMIT = 1000
/** Steps in one alarm: each packs a megabyte, or collects for some ten milliseconds. */
const STEPS_PER_ALARM = { pack: 4, collect: 16 }
/** Whether there is much to pack is checked once in so many events. */
const EVENTS_PER_PACK_CHECK = 100
/** How often the DID is checked while a move may be under way, and otherwise. */
const DID_CHECK_MS = { moving: 2 * MINUTE_MS, quiet: 6 * HOUR_MS }
/** A token or signature that is not older than this may still be used for a move. */
const MOVE_MS = HOUR_MS

export const createMaintenance = (deps: MaintenanceDeps): Maintenance => {
  const { sql, platform, repack, blobs, exports, sequencer, relays, firehose, backups, retentionMs, alarms } =
    deps
  let didCheckedAt = 0
  let hasAlarm = false
  let events = 0
  let lastWake: Promise<void> = Promise.resolve()

  const wake = (delayMs: number): Promise<void> => {
    const wanted = platform.now() + delayMs
    // One call after the other: while one awaits the time of the alarm, another could set an earlier one.
    const waking = lastWake.then(async () => {
      const set = await alarms.getAlarm()
      if (set === null || set > wanted) await alarms.setAlarm(wanted)
    })
    lastWake = waking.catch(() => {})
    return waking
  }

  const noteEvent = (): void => {
    if (++events % EVENTS_PER_PACK_CHECK === 0 && repack.isDue) void wake(SECOND_MS).catch(() => {})
    if (hasAlarm) return
    hasAlarm = true
    wake(DID_CHECK_MS.quiet).catch(() => (hasAlarm = false))
  }

  /** Up to `count` steps; requests get their turn in between. */
  const runSteps = async (count: number, step: () => { more: boolean }): Promise<{ more: boolean }> => {
    let { more } = step()
    for (let n = 1; n < count && more; n++) {
      await platform.sleep(0)
      ;({ more } = step())
    }
    return { more }
  }

  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (cause) {
      deps.report(cause)
      return undefined
    }
  }

  /** Checks the DID when it is time. While there is much to collect, the alarm rings every second: too often for this. */
  const checkDid = async (now: number, everyMs: number): Promise<void> => {
    if (now - didCheckedAt < Math.min(everyMs, DID_CHECK_MS.moving) / 2) return
    didCheckedAt = now
    await deps.followDid().catch(() => undefined)
  }

  /**
   * Whether the journal has a recent token or signature. Reads from the newest row backwards, to the first of those or the
   * first row that is too old: so no flood of other rows can hide one.
   */
  const mayMove = (now: number): boolean => {
    const row = sql.first(
      `WITH RECURSIVE past (n, at, event) AS (
         SELECT * FROM (SELECT n, at, event FROM journal ORDER BY n DESC LIMIT 1)
         UNION ALL
         SELECT journal.n, journal.at, journal.event FROM past JOIN journal ON journal.n = past.n - 1
         WHERE past.at > ?1 AND past.event NOT IN ('mint', 'sign')
       )
       SELECT 1 AS yes FROM past WHERE event IN ('mint', 'sign') AND at > ?1`,
      now - MOVE_MS,
    )
    return row !== undefined
  }

  /** Whether there is something that may be deleted before the alarm rings anyway. */
  const hasWaste = (): boolean =>
    repack.hasReplacedRows ||
    (sql.first(
      'SELECT 1 AS yes FROM blob_loose WHERE delete_after <= ? LIMIT 1',
      platform.now() + DID_CHECK_MS.quiet,
    ) !== undefined &&
      !readRetention({ sql, platform }))

  const run = async (): Promise<void> => {
    const now = platform.now()
    const collectBefore = () => Math.min(now - SUPERSEDED_RETENTION_MS, exports.neededSince() ?? now)
    await attempt(() => firehose.resume())
    await attempt(() => deps.oauth.collect())
    const isDeleted = stateOf(readAccount(sql)) === 'deleted'
    const repositorySteps = async () => [
      await attempt(() => runSteps(STEPS_PER_ALARM.pack, () => repack.step())),
      await attempt(() => runSteps(STEPS_PER_ALARM.collect, () => repack.collect(collectBefore()))),
    ]
    const steps = [
      // What the services know of the repository is of before: none of them touches what is being erased.
      ...(isDeleted
        ? [await attempt(() => deps.eraser.step()), await attempt(() => backups.erase())]
        : await repositorySteps()),
      await attempt(() => sequencer.prune(now - retentionMs, DELETE_LIMIT)),
      await attempt(() => blobs.collect(DELETE_LIMIT)),
    ]
    const didCheckMs = !isDeleted && mayMove(now) ? DID_CHECK_MS.moving : DID_CHECK_MS.quiet
    const asking = attempt(() => relays.run().then(() => true))
    const [asked] = await Promise.all([asking, isDeleted ? undefined : checkDid(now, didCheckMs)])
    // The last two, because they may take some seconds, and a minute.
    if (!isDeleted) steps.push(await attempt(() => deps.pulls.step()))
    if (!isDeleted) await attempt(() => backups.runIfDue())
    const more = steps.some((step) => step?.more)
    const crawlMs = asked ? (relays.nextAt() ?? Infinity) - platform.now() : MINUTE_MS
    const workMs = isDeleted
      ? Infinity
      : Math.min(backups.dueInMs(), repack.dueInMs, hasWaste() ? SUPERSEDED_RETENTION_MS : DID_CHECK_MS.quiet)
    const nextMs = more ? SECOND_MS : Math.min(didCheckMs, Math.max(SECOND_MS, workMs))
    await wake(Math.max(0, Math.min(nextMs, crawlMs)))
  }

  return {
    wake,
    noteEvent,
    collectLater: () => wake(SUPERSEDED_RETENTION_MS),
    watchMove: () => wake(DID_CHECK_MS.moving),
    run,
  }
}
