import type { SigningKey } from '../../signing/keys.ts'
import type { Identity } from '../../identity/identity.ts'
import type { PlcOperations } from '../plc/plcOperations.ts'
import type { Platform } from '../../platform.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { SigningKeys } from '../identity/signingKeys.ts'
import type { Eraser } from './erase.ts'
import type { Journal } from '../journal.ts'
import type { Passwords } from '../auth/signIn/passwords.ts'
import type { RateLimits } from '../auth/limits/rateLimits.ts'
import type { Relays } from '../events/relays.ts'
import type { Repo } from '../repo/repo.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sessions } from '../auth/sessions/sessions.ts'
import type { Sql } from '../db/sql.ts'

/** What creating, activating and deactivating the account needs. */
export interface LifecycleDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  repo: Repo
  blocks: Blocks
  sequencer: Sequencer
  journal: Journal
  sessions: Sessions
  rateLimits: RateLimits
  identityWatch: IdentityWatch
  relays: Relays
  did: string
  /** The account's handle now. */
  handle(): string
  origin: string
  serviceDid: string
  dev: boolean
  identity: Pick<Identity, 'lookUpHandle'>
  plc: Pick<PlcOperations, 'plan' | 'carryOut'>
  /** The key in use. */
  signingKey: Pick<SigningKey, 'did'>
  signingKeys: SigningKeys
  /** ROTATION_KEY is set. */
  hasRotationKey: boolean
  /** Looks at the DID more often for a while, because it may change soon. */
  watchMove(): Promise<void>
  passwords: Passwords
  eraser: Eraser
  /** Sets the alarm that erases. */
  eraseSoon(): Promise<void>
}
