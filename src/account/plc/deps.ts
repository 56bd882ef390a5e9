/** What every operation on the account's did:plc needs. */
import type { RotationKey } from '../../signing/keys.ts'
import type { Platform } from '../../platform.ts'
import { PDS_ID } from '../../plc/build.ts'
import type { Directory } from '../../plc/directory.ts'
import { error } from '../../xrpc/errors.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import type { PlcLedger } from './plcLedger.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'

export interface PlcDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  sequencer: Sequencer
  ledger: PlcLedger
  watch: IdentityWatch
  directory: Directory
  key: RotationKey
  /** did:key of the signing key. */
  signingKey: string
  recoveryKeys: readonly string[]
  did: string
  handle: string
  origin: string
}

export const isPlc = (did: string): boolean => did.startsWith('did:plc:')

/** did:web has no operations: its owner edits a file. */
export const requirePlc = (did: string, method: string): void => {
  if (!isPlc(did))
    throw error(
      'InvalidRequest',
      `${method} is for did:plc. To move ${did}, edit its did.json: set the serviceEndpoint of #${PDS_ID} to the new PDS, and the publicKeyMultibase of #atproto to the new PDS's key, as its getRecommendedDidCredentials states them`,
    )
}
