/**
 * What the engine is made of. It moves an account from one PDS to another, and knows no terminal, no server of ours and
 * no command line: a source, a target, an {@link Owner} who answers, a {@link MoveStore} that keeps the
 * journal, and {@link MoveEvent}s that say how far it is.
 *
 * The steps are data (`steps/`), the runner goes through them (`moveAccount.ts`), and the journal says what was done.
 * Each step can also find that out by asking both servers, so that a move goes on from another machine without the
 * journal. What the folders hold: `copy/` repository, blobs and preferences; `identity/` the PLC operation, from its
 * preview to the comparison with what was signed; `peers/` the implementations of source and target; `preflight/` what
 * is looked at before; `proof/` what is proven after.
 */
import type { MoveEvent } from './moveEvent.ts'
import type { MoveStore } from './moveStore.ts'
import type { MoverDeps } from './moverDeps.ts'
import type { Owner } from './owner.ts'
import type { SourceOpener } from './source.ts'
import type { StepName } from './stepName.ts'
import type { TargetOpener } from './target.ts'

/** What the caller asks of a move. */
export interface MoveOptions {
  /** The handle that the account gets; by default it keeps the present one. */
  readonly handle?: string | undefined
  /** Stop after this step. */
  readonly until?: StepName | undefined
  /** Do all that can be undone, and leave the target inactive. */
  readonly rehearse?: boolean | undefined
  /** A source that sends more bytes than that as the repository fills no disk; 2 GB. */
  readonly maxRepoBytes?: number | undefined
  /** The most bytes that the target takes in one request; 100 MB. A Cirrus gets a larger repository in parts. */
  readonly maxRequestBytes?: number | undefined
  /** The source's origin is an entryway: another server than the PDS that the DID names, with the same accounts. */
  readonly entryway?: boolean | undefined
  /** Rotation keys that are the owner's: those of key files, and those that the owner has configured. */
  readonly ownerKeys?: readonly string[] | undefined
}

/** Everything that a move needs. */
export interface MoveRequest {
  /** Handle or DID of the account. */
  readonly account: string
  readonly source: SourceOpener
  readonly target: TargetOpener
  readonly owner: Owner
  readonly store: MoveStore
  readonly deps: MoverDeps
  readonly options?: MoveOptions
  readonly on?: (event: MoveEvent) => void
}
