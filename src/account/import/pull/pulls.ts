import { Secret } from '../../../crypto/secret.ts'
import { fault } from '../../../fault.ts'
import type { OutboundStream } from '../../../outboundStream.ts'
import type { Platform } from '../../../platform.ts'
import { error } from '../../../xrpc/errors.ts'
import type { Sql } from '../../db/sql.ts'
import type { ImportCar } from '../importCar.ts'
import type { Imports } from '../imports.ts'
import { askSource } from './askSource.ts'
import { importPull } from './importPull.ts'
import { PullError } from './pullError.ts'
import { pullFailure } from './pullFailure.ts'
import {
  canResume,
  changePull,
  deleteOldParts,
  isUnfinished,
  isUpload,
  nextPart,
  type PullState,
  readPull,
  writePull,
} from './pullState.ts'
import { receivePull } from './receivePull.ts'

/** How far a pull is. */
export interface Pull extends Pick<PullState, 'source' | 'received' | 'size' | 'startedAt' | 'changedAt'> {
  phase: PullState['state'] | 'waiting' | 'tokenNeeded'
  resumable: boolean
  detail: PullState['detail']
}

/**
 * Fetches a repository that is too large for one request, and imports what was fetched or uploaded. What has come is stored, a part at a time, and imported when
 * all of it is here; the alarm keeps it going, also in an object that starts again. The token for the source is in the
 * memory of the object and nowhere else: an object that starts again asks for another, if one is needed.
 */
export interface Pulls {
  /** Begins a pull, or goes on with the one of the same source. Undefined while another repository comes in. */
  start(source: string, token: string | undefined): Pull | undefined
  /** The latest pull. */
  readonly latest: Pull | undefined
  /** Whether the alarm has something to do for it. */
  readonly isDue: boolean
  cancel(): void
  /** Called by the alarm: goes on, for some seconds, and deletes what is not needed any more. */
  step(): Promise<{ more: boolean }>
}

export interface PullsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'timer'>
  did: string
  send: OutboundStream
  imports: Pick<Imports, 'progress' | 'endStalled'>
  importCar: ImportCar
  /** Whether the policy lets the administrator pull in the account's present state. */
  mayPull(): boolean
  /** Gets the cause of a failure that is a mistake here. */
  report(cause: unknown): void
}

/** How long an alarm waits for a pull: other work of the alarm has its turn in between. */
const STEP_MS = 20_000
/** Parts of a megabyte that one step deletes. */
const PARTS_PER_STEP = 32
/** From the last call of pullRepo; of an upload, from its last part. */
const TIMEOUT_MS = 24 * 3600_000

export const createPulls = (deps: PullsDeps): Pulls => {
  const { sql, platform } = deps
  /** For the source of the pull that is stored. */
  let token: Secret | undefined
  let running: { abort: AbortController; ended: Promise<void>; isWaiting: boolean } | undefined

  /** Waits, but not longer than until the signal is aborted or `work` has ended. */
  const wait = (ms: number, { signal, work }: { signal?: AbortSignal; work?: Promise<unknown> }) =>
    new Promise<void>((resolve) => {
      const done = (): void => {
        stop()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const stop = platform.timer(ms, done)
      signal?.addEventListener('abort', done)
      void work?.finally(done)
    })

  const assertMayPull = (): void => {
    if (!deps.mayPull())
      throw error('Forbidden', 'the account is not deactivated any more: what was fetched is not imported')
  }

  const isTooOld = (pull: PullState): boolean =>
    platform.now() - (isUpload(pull) ? Math.max(pull.changedAt, pull.startedAt) : pull.startedAt) > TIMEOUT_MS

  /** Whether it waits for the owner: for a token, or for the next part of an upload. */
  const isWaitingForOwner = (pull: PullState): boolean =>
    isUpload(pull) ? pull.state === 'receiving' && !isTooOld(pull) : isTokenMissing(pull)

  const isTokenMissing = ({ needsToken, state }: PullState): boolean =>
    needsToken && token === undefined && state === 'receiving'

  const goOn = async (pull: PullState, signal: AbortSignal): Promise<void> => {
    assertMayPull()
    if (isTooOld(pull))
      throw new PullError(
        'Refused',
        'RequestTimeout',
        isUpload(pull) ? 'nothing more came for a day' : 'it took more than a day',
      )
    if (pull.state === 'verifying') return await importPull(deps, pull, signal)
    const answer = await askSource({ ...deps, timer: platform.timer }, pull, token)
    await receivePull(deps, pull, answer, signal)
  }

  /** Writes down what went wrong. Returns when to try again, if at all. */
  const fail = (cause: unknown): number | undefined => {
    const pull = readPull(sql)
    if (!pull) return undefined
    const { changes, retryInMs } = pullFailure(pull, cause, deps.report)
    if (retryInMs === undefined) token = undefined
    sql.unguarded(() => sql.transaction(() => changePull(sql, () => changes)))
    return retryInMs
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      const pull = readPull(sql)
      if (signal.aborted || !isDue(pull)) break
      try {
        await goOn(pull, signal)
      } catch (cause) {
        const retryInMs = signal.aborted ? undefined : fail(cause)
        if (retryInMs === undefined) return
        if (running) running.isWaiting = true
        await wait(retryInMs, { signal })
        if (running) running.isWaiting = false
      }
    }
    if (!signal.aborted) token = undefined
  }

  const begin = (): void => {
    const abort = new AbortController()
    // In the alarm no request is running, so that there is no other guard.
    const ended = sql.guarded(assertMayPull, () => run(abort.signal)).catch(deps.report)
    const own = { abort, ended, isWaiting: false }
    running = own
    void ended.then(() => {
      if (running === own) running = undefined
    })
  }

  const stop = (): void => {
    running?.abort.abort(new Error('the pull was ended'))
    running = undefined
  }

  /** Whether there is something to do, if only to find out that it may not be done any more. */
  const isDue = (pull: PullState | undefined): pull is PullState =>
    pull !== undefined && isUnfinished(pull) && !(isWaitingForOwner(pull) && deps.mayPull())

  const phaseOf = (pull: PullState): Pull['phase'] => {
    if (isTokenMissing(pull) && !running) return 'tokenNeeded'
    return running?.isWaiting ? 'waiting' : pull.state
  }

  const latest = (): Pull | undefined => {
    const pull = readPull(sql)
    if (!pull) return undefined
    const { source, received, size, startedAt, changedAt } = pull
    const records = running && pull.state === 'verifying' ? deps.imports.progress?.records : undefined
    const detail = { ...pull.detail, ...(records !== undefined && { records }) }
    const resumable = canResume(pull)
    return { source, received, size, startedAt, changedAt, resumable, phase: phaseOf(pull), detail }
  }

  return {
    start: (source, given) => {
      const before = readPull(sql)
      const same = before?.source === source ? before : undefined
      if (before && !same && isUnfinished(before)) return undefined
      if (!same) token = undefined
      if (given !== undefined) token = new Secret(given)
      const startedAt = platform.now()
      const asked = { source, needsToken: token !== undefined, failures: 0, detail: {}, startedAt }
      const fresh = {
        ...asked,
        state: 'receiving',
        mayResume: true,
        pieces: 0,
        first: nextPart(sql, before?.first),
        received: 0,
        changedAt: startedAt,
      } as const
      const state = same?.state === 'verifying' ? 'verifying' : 'receiving'
      const pull: PullState = same && same.state !== 'done' ? { ...same, ...asked, state } : fresh
      sql.transaction(() => writePull(sql, pull))
      fault('pull.afterBegun')
      // It need not wait any longer.
      if (running?.isWaiting) stop()
      return latest()
    },
    get latest() {
      return latest()
    },
    get isDue() {
      return isDue(readPull(sql))
    },
    cancel: () => {
      stop()
      token = undefined
      sql.transaction(() => writePull(sql, undefined))
    },
    step: async () => {
      if (!running && isDue(readPull(sql))) begin()
      if (running) await wait(STEP_MS, { work: running.ended })
      const { more } = sql.transaction(() => deleteOldParts(sql, PARTS_PER_STEP))
      return { more: more || running !== undefined }
    },
  }
}
