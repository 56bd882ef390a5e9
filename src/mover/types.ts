/**
 * What the engine is made of. It moves an account from one PDS to another, and knows no terminal, no server of ours and
 * no command line: a {@link Source}, a {@link Target}, an {@link Owner} who answers, a {@link MoveStore} that keeps the
 * journal, and {@link MoveEvent}s that say how far it is.
 *
 * The steps are data (`steps/`), the runner goes through them (`moveAccount.ts`), and the journal says what was done.
 * Each step can also find that out by asking both servers, so that a move goes on from another machine without the
 * journal. What the folders hold: `copy/` repository, blobs and preferences; `identity/` the PLC operation, from its
 * preview to the comparison with what was signed; `peers/` the implementations of source and target; `preflight/` what
 * is looked at before; `proof/` what is proven after.
 */
import type { Client, Fetch } from '../client/index.ts'
import type { Attestor } from './proof/attest.ts'
import type { CopyDeps } from './copy/copyDeps.ts'
import type { PullOptions } from './copy/pullRepo.ts'
import type { Operation, PlcData, PlcHead, UnsignedOperation, VerifiedLog } from '../plc/types.ts'

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

/** Whose account it is, as the verified log says: known before any password is asked for. */
export interface Who {
  readonly did: string
  /** The handle that the DID names first, if it has one. */
  readonly handle: string | undefined
  /** Origin of the PDS that the DID names. */
  readonly pds: string | undefined
  /** Every key that the DID ever named for signing commits, the present one first. */
  readonly signingKeys: readonly string[]
  /** Of a did:plc: its verified log. */
  readonly log: VerifiedLog | undefined
  /** Of a did:plc: the newest operation. */
  readonly head: (PlcHead & { data: PlcData }) | undefined
}

/** An account as a server describes it to its owner. */
export interface AccountStatus {
  readonly active: boolean
  /** CID and revision of the commit. */
  readonly commit: string | undefined
  readonly rev: string | undefined
}

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

/** What a server says about itself to anyone. */
export interface ServerDescription {
  /** Its service DID. */
  readonly did: string
  readonly inviteCodeRequired: boolean
  /** Handles below these names are the server's: each begins with a dot. */
  readonly availableUserDomains: readonly string[]
  /** Of a server that is for one account, such as a Cirrus: that account. */
  readonly account?: { readonly did: string; readonly handle: string } | undefined
}

/** An account that does not exist yet. */
export interface NewAccount {
  readonly did: string
  readonly handle: string
  readonly password: string
  readonly email?: string
  readonly inviteCode?: string
  /** The source's service token for createAccount. */
  readonly token: string
}

/** Whether a server has the account, and whether it is active there. */
export type AccountState = 'absent' | 'inactive' | 'active'

/** The server that the account moves to. */
export interface Target {
  readonly kind: 'cirrus' | 'standard'
  readonly origin: string
  readonly serviceDid: string
  readonly description: ServerDescription
  /** The handle that the server is set up for; undefined where the owner chooses one. */
  readonly ownHandle: string | undefined
  /** Whether the owner set the account's password before there was an account, as at a Cirrus. */
  readonly hasPassword: boolean
  /** With the owner's session, once `createAccount` or `signIn` has opened one; anonymous before. */
  readonly client: Client
  /** Whether the account is there, and whether it is active. */
  state(did: string): Promise<AccountState>
  /** Whether the account there has been active before, so that it is the owner's; undefined if nobody can tell. */
  wasActivated(): Promise<boolean | undefined>
  /** Has the server fetch the repository itself, whatever its size; absent where it cannot, or may not be told to. */
  pull?(deps: CopyDeps, options: PullOptions): Promise<void>
  /** Lets the target's account be replaced, where it keeps what it has after an earlier move. */
  makeRoom?(): Promise<void>
  /** Whether the target has every blob that it should have; absent where only the signed-in owner can ask. */
  isComplete?(): Promise<boolean>
  /** Creates the account, empty and deactivated, and signs in to it. */
  createAccount(account: NewAccount): Promise<void>
  signIn(credentials: { identifier: string; password: string; code?: string }): Promise<void>
  /** What it recommends that the DID says: its keys, the handle, its address. */
  recommended(): Promise<PlcData>
  /** Passes the signed operation on to the directory. It may be repeated. */
  submit(operation: Operation): Promise<void>
  activate(): Promise<void>
  deactivate(): Promise<void>
  /** How the account is there now, to its owner. */
  status(): Promise<AccountStatus>
  /** Ends the sessions that were opened for the move. Returns what could not be ended, as sentences. */
  end(): Promise<readonly string[]>
}

/** Opens a source once it is known whose account it is. Nothing is asked for before. */
export interface SourceOpener {
  /** Where the caller says that the account is; undefined for an archive, and where the DID is to say it. */
  readonly origin: string | undefined
  open(who: Who, target: Target): Promise<Source>
}

/** Opens a target: describes the server, without any credential. */
export interface TargetOpener {
  readonly origin: string
  open(who: Who): Promise<Target>
}

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

/** What the owner is asked, by name: what the question is about, and the type of the answer. */
export interface Questions {
  /** The password of the account at the source. */
  sourcePassword: { asks: { origin: string; identifier: string }; answer: string }
  /** The code that a server has mailed, because it wants a second factor at sign-in. */
  signInCode: { asks: { origin: string }; answer: string }
  /** A migration token, minted at the Cirrus that the account comes from. `why` is set when it is not the first. */
  migrationToken: {
    asks: { origin: string; target: string; why?: string; check: (answer: string) => string | undefined }
    answer: string
  }
  /**
   * The code that the source mails for the PLC operation. `sentAt` (ISO 8601) is when one was sent for this move; `send`
   * has one sent, which voids the one before. It is not called where there is a code already. `token`: a Cirrus mails
   * nothing, and takes a migration token for the target, which is a secret.
   */
  plcCode: {
    asks: {
      origin: string
      sentAt: string | undefined
      send: () => Promise<void>
      token?: { target?: string }
    }
    answer: string
  }
  inviteCode: { asks: { origin: string }; answer: string }
  /** The address that the account has at the target. */
  email: { asks: { origin: string }; answer: string }
  /** The password that the account gets at the target. */
  newPassword: { asks: { origin: string; handle: string }; answer: string }
  /** The password of the account that is at the target already. */
  targetPassword: { asks: { origin: string; handle: string }; answer: string }
  /** The handle that the account has at the target. `why` says why the present one cannot stay. */
  handle: { asks: { why: string; origin: string; domains: readonly string[] }; answer: string }
  /** Whose a rotation key of the DID is: no server can be believed about it. `text` says what the log shows of it. */
  rotationKey: { asks: { key: string; text: string }; answer: 'mine' | 'notMine' | 'unsure' }
  confirm: { asks: Confirmation; answer: boolean }
}

export type QuestionName = keyof Questions

/** A question that is answered with yes or no. */
export interface Confirmation {
  /** What it is about, for programs. */
  readonly topic: ConfirmationTopic
  readonly question: string
  /** What the owner must see to answer. */
  readonly lines: readonly string[]
  /** Nobody could have known of it before: an answer that was given beforehand (`--yes`) does not cover it. */
  readonly insists: boolean
}

export type ConfirmationTopic =
  /** Whether the move may begin. */
  | 'begin'
  /** An account at the target that this move has not made. */
  | 'foundAccount'
  /** The target's account is active though the DID names another server. */
  | 'deactivateTarget'
  /** Another mover holds the lock. */
  | 'takeOver'
  /** Warnings of the preflight. */
  | 'preflight'
  /** What cannot be copied. */
  | 'missing'
  /** Records because of which the target refuses the repository: whether they are deleted at the source. */
  | 'deleteRecords'
  /** The source does not answer any more, so nobody knows whether something was written there after the copy. */
  | 'sourceGone'
  /** The operation, before it is signed. */
  | 'operation'
  /** Keys that the operation drops or leaves above the target's. */
  | 'keys'
  /** What the source signed is not what was asked for. */
  | 'differences'
  | 'deactivateSource'
  /** Undoing a move: the operation, and what is brought back. */
  | 'undo'
  /** Undoing it without what was written to the server that the account leaves. */
  | 'withoutAdditions'
  /** Records that the server that the account leaves has not, and the other one has. */
  | 'deletions'
  /** Records that were written to the source after the copy. */
  | 'lateRecords'

/** The person whose account it is. An answer that cannot be had is thrown as a {@link MoverError}. */
export interface Owner {
  answer<Name extends QuestionName>(
    name: Name,
    asks: Questions[Name]['asks'],
  ): Promise<Questions[Name]['answer']>
}

/** A file of a store, open to be read. */
export interface StoredFile {
  readonly size: number
  /** These bytes; fewer at the end of the file. */
  read(offset: number, length: number): Uint8Array
  stream(): AsyncIterable<Uint8Array>
  /** To be sent: its length is known, it is read from the disk, and it can be sent again. */
  blob(): Promise<Blob>
  close(): void
}

/** Where a move keeps its journal and the repository. Nothing in it but the repository is large. */
export interface MoveStore {
  /** Where that is, for messages. */
  readonly name: string
  /** The lines of the journal, the oldest first. */
  readLines(): Promise<string[]>
  /** Appends a line. Resolves when it is on the disk. Throws `another-mover` if the lock was taken over. */
  appendLine(line: string): Promise<void>
  /** Writes a file; until it is complete, the one of this name stays as it is. Returns its size. */
  writeFile(name: string, body: AsyncIterable<Uint8Array>): Promise<number>
  /** Undefined if there is no such file. */
  openFile(name: string): Promise<StoredFile | undefined>
  /**
   * Takes the lock. If another mover holds it, `takeOver` is asked, with how long ago that one last made progress.
   * Returns the release.
   */
  lock(takeOver: (holder: LockHolder) => Promise<void>): Promise<() => Promise<void>>
  /** Shows others that this mover makes progress. Throws `another-mover` if the lock was taken over. */
  touch(): Promise<void>
  /** Removes the files that a finished move no longer needs. The journal stays. */
  clearFiles(): Promise<void>
}

export interface LockHolder {
  /** Who it is, as far as it is known: process and machine. */
  readonly name: string
  /** How long ago it last made progress, in milliseconds. */
  readonly idleMs: number
}

export const STEP_NAMES = [
  'who',
  'preflight',
  'account',
  'repository',
  'blobs',
  'preferences',
  'preview',
  'confirm',
  'sign',
  'compare',
  'submit',
  'catchUp',
  'activate',
  'verify',
  'deactivate',
  'lateRecords',
  'report',
] as const

export type StepName = (typeof STEP_NAMES)[number]

/** How far a transfer is. `total` and what follows from it are undefined while they are not known. */
export interface TransferProgress {
  readonly bytes: number
  readonly totalBytes?: number | undefined
  readonly count?: number | undefined
  readonly totalCount?: number | undefined
  readonly bytesPerSecond?: number | undefined
  readonly secondsLeft?: number | undefined
}

/** What happens, as it happens. With `--json` each is a line. */
export type MoveEvent =
  | { readonly type: 'step'; readonly step: StepName; readonly state: 'begun' }
  | {
      readonly type: 'step'
      readonly step: StepName
      /** `already`: it was done before this run. `open`: it could not be done now. */
      readonly state: 'done' | 'already' | 'open'
      /** What was done, as a sentence. */
      readonly text: string
    }
  | { readonly type: 'progress'; readonly step: StepName; readonly progress: TransferProgress }
  | { readonly type: 'warning'; readonly step: StepName; readonly code: string; readonly text: string }
  | { readonly type: 'note'; readonly step: StepName; readonly text: string }
  /** A line of the DID before and after the operation. */
  | {
      readonly type: 'preview'
      readonly kind: 'kept' | 'added' | 'dropped' | 'warning'
      readonly text: string
    }
  | { readonly type: 'asked'; readonly step: StepName; readonly question: QuestionName }
  | { readonly type: 'report'; readonly report: MoveReport }

/** How a move ended. */
export interface MoveReport {
  readonly ok: boolean
  readonly did: string
  readonly handle: string
  readonly from: string
  readonly to: string
  /** Everything was done before this run. */
  readonly already: boolean
  /** The last step that was done; `report` if all were. */
  readonly reached: StepName
  readonly rehearsal: boolean
  readonly records: number
  readonly blobs: number
  /** CIDs of the blobs that the target lacks. */
  readonly missing: readonly string[]
  /** What the owner agreed to leave behind, and what could not be copied, as sentences. */
  readonly left: readonly string[]
  readonly activated: boolean
  readonly sourceDeactivated: boolean
  /** What to do next, as a sentence. */
  readonly next: string
}
