import type { Fetch } from '../client/index.ts'

/** What the engine takes from its surroundings, so that tests can replace it. */
export interface MoverDeps {
  readonly fetch: Fetch
  /** Milliseconds since the epoch. */
  now(): number
  random(length: number): Uint8Array
  /** Waits before the next attempt. Rejects with the signal's reason when it is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  /** Aborts everything that is under way. */
  readonly signal: AbortSignal
  /**
   * What only the clean-up has: with it, after `signal` was aborted, writes are let go on at the source and the sessions
   * of this run are ended. It should have a deadline. Without it both stay as they are where `fetch` is aborted, too.
   */
  readonly cleanUpFetch?: Fetch | undefined
  /** The PLC directory. */
  readonly directoryUrl: string
  /** Whether servers may be on this machine, with http, and handles may end in `.test`. */
  readonly dev: boolean
}
