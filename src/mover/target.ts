import type { Client } from '../client/index.ts'
import type { AccountStatus } from './accountStatus.ts'
import type { CopyDeps } from './copy/copyDeps.ts'
import type { PullOptions } from './copy/pullRepo.ts'
import type { Who } from './who.ts'
import type { Operation, PlcData } from '../plc/types.ts'

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

/** Opens a target: describes the server, without any credential. */
export interface TargetOpener {
  readonly origin: string
  open(who: Who): Promise<Target>
}
