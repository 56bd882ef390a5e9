import type { Client } from '../client/index.ts'
import type { AccountStatus } from './accountStatus.ts'
import type { Attestor } from './proof/attest.ts'
import type { Target } from './target.ts'
import type { Who } from './who.ts'
import type { UnsignedOperation } from '../plc/types.ts'

/** What signPlcOperation is asked for: exactly what the owner saw. */
export type SignRequest = UnsignedOperation

/** The place that an account comes from. `archive` is a backup, when its server is gone. */
export interface Source {
  readonly kind: 'cirrus' | 'standard' | 'archive'
  readonly did: string
  /** Undefined for an archive. */
  readonly origin: string | undefined
  /** What messages call it: its origin, or the folder of the archive. */
  readonly name: string
  /** Reads the account: getRepo, listBlobs, getBlob, getPreferences. That of an archive is answered from its files. */
  readonly client: Client
  /** A service token for createAccount on the server with this service DID, valid for a minute. */
  accountToken(aud: string): Promise<string>
  /** The rotation keys that the source names as its own; undefined if it does not say. */
  namedKeys(): Promise<readonly string[] | undefined>
  /** The rotation keys that it is set up with as its owner's; absent where only its admin could be believed. */
  ownerKeys?(): Promise<readonly string[]>
  /** Has the source mail a code for `sign`; absent where none is needed. A second code voids the first. */
  requestCode?(): Promise<void>
  /**
   * A token with which the new server may read the repository itself; `refused`: another than the one before. Absent
   * where there is no server.
   */
  readToken?(refused: boolean): Promise<string | undefined>
  /** Signs the operation. The answer is not trusted: it is compared with what was asked for. */
  sign(request: SignRequest, code?: string): Promise<unknown>
  /** Holds all writes back until the move is over, or lets them go on; absent where a source cannot. */
  fence?(on: boolean): Promise<void>
  /** Deactivates the account there; absent where that cannot be asked for. */
  deactivate?(): Promise<void>
  /** Signs and notes the statement that everything has arrived, where the source is a Cirrus with its admin. */
  readonly attestor?: Attestor
  /** How the account is there now; undefined where there is no server to ask. */
  status(): Promise<AccountStatus | undefined>
  /** Ends the sessions that were opened for the move. Returns what could not be ended, as sentences. */
  end(): Promise<readonly string[]>
}

/** Opens a source once it is known whose account it is. Nothing is asked for before. */
export interface SourceOpener {
  /** Where the caller says that the account is; undefined for an archive, and where the DID is to say it. */
  readonly origin: string | undefined
  open(who: Who, target: Target): Promise<Source>
}
