import type { RotationKey, SigningKey } from '../../signing/keys.ts'
import type { Platform } from '../../platform.ts'
import type { Directory } from '../../plc/directory.ts'
import type { MigrationTokens } from '../auth/tokens/migrationTokens.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import type { PlcLedger } from './plcLedger.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'

/** What the operations on the account's did:plc need. */
export interface PlcDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  sequencer: Sequencer
  plcLedger: PlcLedger
  identityWatch: IdentityWatch
  migrationTokens: Pick<MigrationTokens, 'verify' | 'assertStillValid'>
  directory: Directory
  rotationKey: RotationKey
  signingKey: Pick<SigningKey, 'did'>
  recoveryKeys: readonly string[]
  did: string
  /** The account's handle now. */
  handle(): string
  origin: string
  /** Looks at the DID more often for a while, because it may move soon. */
  watchMove(): Promise<void>
}
