import type { Config } from '../config.ts'
import type { AppView } from '../generated/types/com/cirrus/admin/getReach.ts'
import type { OutputSchema as MigrationCheck } from '../generated/types/com/cirrus/admin/checkMigration.ts'
import type { OutputSchema as Status } from '../generated/types/com/cirrus/admin/getStatus.ts'
import type { RotationKey, SigningKey } from '../signing/keys.ts'
import type { Identity } from '../identity/identity.ts'
import type { OwnIdentity } from '../identity/ownIdentity.ts'
import type { Platform } from '../platform.ts'
import type { State } from '../policy.ts'
import type { Upgraded } from '../xrpc/types.ts'
import type { Auth } from './auth/auth.ts'
import type { Blobs } from './blobs/blobs.ts'
import type { BucketBackups } from './backup/bucketBackups.ts'
import type { Sql } from './db/sql.ts'
import type { Events } from './events/events.ts'
import type { HandleCheck } from './identity/handleCheck.ts'
import type { IdentityWatch } from './identity/identityWatch.ts'
import type { Incoming } from './import/incoming.ts'
import type { Journal } from './journal.ts'
import type { Lifecycle } from './lifecycle/lifecycle.ts'
import type { Maintenance } from './maintenance.ts'
import type { OAuth } from './oauth/oauth.ts'
import type { PlcLedger } from './plc/plcLedger.ts'
import type { PlcOperations } from './plc/plcOperations.ts'
import type { Preferences } from './preferences.ts'
import type { CheckReport } from './repo/checkAccount.ts'
import type { Exports } from './repo/exports/exports.ts'
import type { Records } from './repo/records.ts'
import type { Repo } from './repo/repo.ts'
import type { CheckMigrationOptions } from './status/checkMigration.ts'
import type { Copies } from './status/copies.ts'
import type { Views } from './views/views.ts'

/** The account as the handlers use it. */
export interface Account extends Events, Incoming, Omit<Auth, 'passwords'> {
  did: string
  readonly handle: string
  /** What of the account can change, for the Worker's own answers. */
  ownIdentity(): OwnIdentity
  config: Config
  platform: Platform
  identity: Identity
  signingKey: SigningKey
  rotationKey: RotationKey
  /** For tests: handlers use the services, never SQL. */
  sql: Sql
  journal: Journal
  repo: Repo
  records: Records
  blobs: Blobs
  exports: Exports
  copies: Copies
  preferences: Preferences
  oauth: OAuth
  identityWatch: IdentityWatch
  plcLedger: PlcLedger
  plc: PlcOperations
  lifecycle: Lifecycle
  views: Views
  handleCheck: HandleCheck
  maintenance: Maintenance
  bucketBackups: BucketBackups
  state(): State
  /** Whether the account is active as far as this server is concerned, even if its DID names another PDS by now. */
  isActivated(): boolean
  /** How many blocks and records the repository has. */
  counts(): { blocks: number; records: number }
  /** The whole account for its owner. */
  status(): Promise<Status>
  /** Whether the AppView knows the account; undefined where there is none to ask. */
  appViewReach(): Promise<AppView | undefined>
  /** A signed statement of what the account holds. */
  manifest(): Promise<string>
  /** Signs the hash of a statement of completeness. */
  signStatement(digest: string): Promise<string>
  /** Whether the account can leave safely, as far as only this server knows; bounded, with a cursor. */
  checkMigration(options: CheckMigrationOptions): Promise<MigrationCheck>
  /** Recomputes everything that is derived, while nothing else changes the repository. */
  check(): Promise<CheckReport>
  /** A record key that no record has: a new TID. */
  nextRecordKey(): string
  /** A WebSocket that is not accepted yet. */
  upgrade(): Upgraded
}
