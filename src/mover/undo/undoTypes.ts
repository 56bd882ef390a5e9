import type { Client } from '../../client/index.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import type { PreviewLine } from '../identity/preview.ts'
import type { MoveStore } from '../moveStore.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { Additions } from './additions.ts'
import type { FoundUndo, UndoMeans } from './findUndo.ts'

/** What happens, as it happens. */
export type UndoEvent =
  | {
      readonly type: 'step'
      readonly step:
        | 'move'
        | 'additions'
        | 'submitted'
        | 'keys'
        | 'activated'
        | 'deactivated'
        | 'broughtBack'
        | 'revision'
        | 'verified'
      readonly text: string
    }
  | { readonly type: 'preview'; readonly lines: readonly PreviewLine[] }
  | { readonly type: 'warning'; readonly text: string }

export interface UndoRequest extends UndoMeans {
  /** A handle or a DID. */
  account: string
  owner: Owner
  deps: MoverDeps
  /** Keys that are the owner's. */
  ownerKeys?: readonly string[]
  /** Where what was added is kept. */
  openStore(did: string): Promise<MoveStore>
  emit(event: UndoEvent): void
  /** The owner cannot sign in to the server that the account leaves: what it shows to anyone is fetched. */
  isLockedOut?: boolean
  /** Do not ask the server that the account leaves. */
  withoutAdditions?: boolean
}

/** How it ended. */
export interface UndoReport {
  readonly ok: boolean
  readonly did: string
  /** Origins: the server that the account has left, and the one that it is on again. */
  readonly left: string | undefined
  readonly returned: string
  /** CIDs of the operations that were nullified. */
  readonly nullified: readonly string[]
  /** The keys that came with the move, and those of them that still have power over the DID. */
  readonly keys: readonly string[]
  readonly standingKeys: readonly string[]
  readonly additions: Additions | undefined
  readonly written: number
  readonly failed: readonly { path: string; why: string }[]
  /** Paths that were left as they are. */
  readonly unchanged: readonly string[]
  /** The other server's account is deactivated. */
  readonly deactivated: boolean
  /** Where what was fetched is kept. */
  readonly kept: string
}

/** One of the servers, with the owner's session where there is one. */
export interface Place {
  readonly origin: string
  readonly client: Client
  readonly signedIn: boolean
}

/** A way back that is under way. */
export interface Undo {
  readonly request: UndoRequest
  readonly did: string
  readonly handle: string
  readonly log: VerifiedLog
  readonly found: FoundUndo
  readonly store: MoveStore
  /** Every key that the DID ever named for signing, nullified operations included. */
  readonly signingKeys: readonly string[]
  readonly home: Place
  /** The server that the account leaves; undefined if it is not to be asked. */
  readonly away: Place | undefined
}
