import type { Keypair } from '@atproto/crypto'
import type { FakeDirectory } from './directory.ts'
import type { FakeRecord, FakeRepo } from './fakeRepo.ts'
import { type FakeNetwork, refusal, type Sent } from './network.ts'

export interface FakePdsOptions {
  network: FakeNetwork
  directory: FakeDirectory
  origin: string
  /** did:web of the origin by default. */
  serviceDid?: string
  /** createAccount needs it. */
  inviteCode?: string
  /** More bytes than that are refused with 413. */
  maxBlobBytes?: number
  maxImportBytes?: number
  /** A sign-in needs a code from an e-mail. */
  authFactor?: boolean
  /** How long an access token is good; two hours. */
  accessTokenMs?: number
  /** A rotation key that getRecommendedDidCredentials names above the server's own. */
  recoveryKey?: string
  /** Says why a record is refused; undefined: it is taken. Parsed as @atproto/repo does by default. */
  refuseRecord?: (path: string, bytes: Uint8Array) => string | undefined
  /** How many entries a page of listBlobs and listMissingBlobs has at most. */
  pageSize?: number
}

export interface FakeBlob {
  bytes: Uint8Array<ArrayBuffer>
  mimeType: string
}

/** An account on a fake PDS. All of it may be looked at and changed by tests. */
export interface FakeAccount {
  readonly did: string
  handle: string
  password: string
  email: string
  signingKey: Keypair
  active: boolean
  readonly repo: FakeRepo
  /** Stored blobs, by CID. */
  readonly blobs: Map<string, FakeBlob>
  /** Blobs that some record refers to or has referred to: an import does not remove what it deletes, as on the reference. */
  readonly references: Map<string, string>
  preferences: Record<string, unknown>[]
  /** The code that was sent by e-mail last. */
  plcCode: string | undefined
  /** The same, to delete the account. */
  deletionCode: string | undefined
  factorCode: string | undefined
  /** Passwords that sign in with fewer rights. */
  readonly appPasswords: Set<string>
}

export interface FakeSession {
  did: string
  kind: 'access' | 'refresh'
  expiresAt: number
  app: boolean
}

/** A call of a method, after its credential was checked. */
export interface FakeCall {
  readonly pds: FakePds
  /** The NSID. */
  readonly method: string
  readonly sent: Sent
  readonly params: URLSearchParams
  /** The account whose session or service token was sent. */
  readonly account: FakeAccount | undefined
  readonly session: FakeSession | undefined
  /** The DID of a service token. */
  readonly issuer: string | undefined
  /** The JSON body. */
  input(): Record<string, unknown>
}

export type FakeMethod = (call: FakeCall) => Response | Promise<Response>

/** What a fault does to calls. Each may answer in the server's place, or change its answer. */
export interface CallHook {
  before?(call: FakeCall): Response | undefined | Promise<Response | undefined>
  after?(call: FakeCall, answer: Response): Response | Promise<Response>
}

export interface FakePds {
  readonly origin: string
  readonly serviceDid: string
  readonly options: FakePdsOptions
  readonly network: FakeNetwork
  readonly directory: FakeDirectory
  readonly rotationKey: Keypair
  readonly accounts: Map<string, FakeAccount>
  readonly sessions: Map<string, FakeSession>
  readonly hooks: CallHook[]
  /** How often each method was called, refused calls included. */
  readonly calls: Map<string, number>
  find(identifier: unknown): FakeAccount | undefined
  /** Adds an empty account. */
  addAccount(account: Pick<FakeAccount, 'did' | 'handle' | 'password' | 'signingKey' | 'active'>): FakeAccount
  /** Writes records and signs a commit, as applyWrites does. `undefined` deletes. */
  write(account: FakeAccount, records: Record<string, FakeRecord | undefined>): Promise<void>
  /** Stores a blob. */
  putBlob(account: FakeAccount, bytes: Uint8Array<ArrayBuffer>, mimeType?: string): string
  openSession(account: FakeAccount, app?: boolean): { accessJwt: string; refreshJwt: string }
  /** Answers no longer: every call fails like a host that is gone. */
  gone: boolean
}

/** A refusal as an exception, for methods. */
export class Refused extends Error {
  readonly response: Response
  constructor(status: number, error: string, message?: string) {
    super(message ?? error)
    this.response = refusal(status, error, message)
  }
}
