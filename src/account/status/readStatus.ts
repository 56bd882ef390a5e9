import type { OutputSchema, Warning } from '../../generated/types/com/cirrus/admin/getStatus.ts'
import type { Platform } from '../../platform.ts'
import type { RotationKey } from '../../signing/keys.ts'
import type { SigningKeys } from '../identity/signingKeys.ts'
import type { Config } from '../../config.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { Firehose } from '../events/firehose.ts'
import type { Failures } from '../auth/limits/failures.ts'
import type { BucketBackups } from '../backup/bucketBackups.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Imports } from '../import/imports.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { Observation } from '../identity/observeDid.ts'
import type { Journal } from '../journal.ts'
import { readRetention } from '../db/retention.ts'
import { retentionStatus } from './retentionStatus.ts'
import { fencedUntil } from '../db/fencedUntil.ts'
import { nextCommand, type Situation } from './nextCommand.ts'
import type { PlcOperations } from '../plc/plcOperations.ts'
import { warningsOf } from './warnings.ts'
import type { Sql } from '../db/sql.ts'
import { schemaVersion } from '../db/schema.ts'
import { VERSION } from '../../version.ts'
import { readAccount, stateOf, readElsewhereDid } from '../db/accountRow.ts'
import { readCounts, readHead } from '../db/head.ts'

export interface StatusDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  /** When this object started, in milliseconds. */
  startedAt: number
  config: Config
  /** The account's handle now. */
  handle(): string
  blocks: Pick<Blocks, 'packs'>
  firehose: Pick<Firehose, 'subscribers'>
  blobs: Pick<Blobs, 'counts'>
  bucketBackups: Pick<BucketBackups, 'last'>
  imports: Pick<Imports, 'progress'>
  journal: Journal
  failures: Pick<Failures, 'counts'>
  identityWatch: Pick<IdentityWatch, 'observe' | 'isHere'>
  plc: Pick<PlcOperations, 'unsubmitted'>
  signingKeys: SigningKeys
  rotationKey: Pick<RotationKey, 'did'>
}

const JOURNAL_ENTRIES = 20
const DAY_MS = 24 * 3600_000

const isoTime = (at: number): string => new Date(at).toISOString()

/** The whole account for its owner. Asks the network now; if it does not answer, says so and shows the rest. */
export const readStatus = async (deps: StatusDeps): Promise<OutputSchema> => {
  const { sql, config, blobs, imports, journal, identityWatch, plc, signingKeys, rotationKey } = deps
  const observed = await identityWatch
    .observe()
    .catch((cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause))))
  const observation = observed instanceof Error ? undefined : observed
  // There is no await from here on, so that the answer is of one moment.
  const row = readAccount(sql)
  const state = stateOf(row)
  const fenceEnds = fencedUntil(deps)
  const retention = readRetention(deps)
  const head = readHead(sql)
  const counts = readCounts(sql)
  const { expected, stored } = blobs.counts()
  const entries = journal.recent(JOURNAL_ENTRIES)
  const unsubmitted = observation ? plc.unsubmitted(observation) : []
  const elsewhere = readElsewhereDid(sql)
  const situation: Situation = {
    state,
    did: config.did,
    origin: config.origin,
    servesDid: config.did === config.serviceDid,
    wasActive: row.activatedAt !== undefined,
    identity: observation
      ? {
          pds: observation.pds,
          here: identityWatch.isHere(observation),
          keyIsOurs: observation.signingKey === signingKeys.inUse.did,
          tombstoned: observation.head?.data === null,
        }
      : { error: observed instanceof Error ? observed.message : '' },
    records: counts.records,
    unverified: retention?.verified === false,
    rotation: rotationOf(deps),
    missingBlobs: expected - stored,
    unsubmitted,
  }
  return {
    did: config.did,
    handle: deps.handle(),
    active: state === 'active',
    state,
    versions: { program: VERSION, schema: schemaVersion() },
    ...(fenceEnds !== undefined && { fencedUntil: isoTime(fenceEnds) }),
    ...(retention && { retention: retentionStatus(retention) }),
    ...(row.deactivatedAt !== undefined && { deactivatedAt: isoTime(row.deactivatedAt) }),
    ...(row.deleteAfter !== undefined && { deleteAfter: row.deleteAfter }),
    ...(elsewhere && { didDocument: { pds: elsewhere.pds, signingKey: elsewhere.signingKey } }),
    identity: {
      ...(observation
        ? identityStatus(deps, observation)
        : { rotationKeys: [], movedAway: row.movedTo !== undefined }),
      ...(observed instanceof Error && { error: observed.message }),
    },
    keys: {
      signingKey: signingKeys.inUse.did,
      secret: signingKeys.secret,
      ...(signingKeys.next && { next: signingKeys.next.did }),
      rotationKey: rotationKey.did,
      separateRotationKey: config.hasRotationKey,
    },
    repo: { ...(head && { rev: head.rev, commit: head.root.toString() }), ...counts },
    blobs: { expected, stored },
    ...(config.dailyBackup && { backup: backupStatus(deps) }),
    ...(imports.progress && { importing: { ...imports.progress } }),
    unsubmitted: unsubmitted.map(({ cid, at, pds, changes }) => ({
      cid,
      signedAt: isoTime(at),
      ...(pds !== undefined && { pds }),
      changes,
    })),
    signIns: signInStatus(deps),
    journal: entries.map(({ at, event, detail }) => ({ at: isoTime(at), event, detail })),
    warnings: readWarnings(deps, entries),
    next: nextCommand(situation),
  }
}

/** How far a change of the signing key has come. */
const rotationOf = ({ signingKeys }: StatusDeps): Situation['rotation'] => {
  if (signingKeys.next) return 'waiting'
  return signingKeys.secret === 'NEXT_SIGNING_KEY' ? 'in use' : undefined
}

const readWarnings = (deps: StatusDeps, entries: ReturnType<Journal['recent']>): Warning[] => {
  const { sql, blocks, firehose, config } = deps
  const now = deps.platform.now()
  const [pack] = blocks.packs.all()
  return warningsOf({
    databaseBytes: sql.databaseSize,
    repositoryBytes: pack ? blocks.packs.byteLength(pack) : 0,
    rowsWritten: sql.written,
    uptimeMs: now - deps.startedAt,
    subscribers: firehose.subscribers.length,
    wasFull: entries.some(({ event, at }) => event === 'firehose-full' && at > now - DAY_MS),
    configuredHandle: config.handle,
    handle: deps.handle(),
  })
}

/** What became of the backups into the bucket. */
const backupStatus = ({ bucketBackups }: StatusDeps): NonNullable<OutputSchema['backup']> => {
  const { at, rev, failedAt, error } = bucketBackups.last()
  return {
    schedule: 'daily',
    ...(at !== undefined && { lastAt: isoTime(at) }),
    ...(rev !== undefined && { rev }),
    ...(failedAt !== undefined && { failedAt: isoTime(failedAt) }),
    ...(error !== undefined && { error }),
  }
}

const signInStatus = ({ failures }: StatusDeps): OutputSchema['signIns'] => {
  const { signInsInARow, lastAt, refusedTokens } = failures.counts()
  return {
    failedInARow: signInsInARow,
    ...(lastAt !== undefined && { lastFailedAt: isoTime(lastAt) }),
    refusedTokens,
  }
}

const identityStatus = (
  { identityWatch, rotationKey, config }: StatusDeps,
  observation: Observation,
): OutputSchema['identity'] => {
  const { pds, signingKey, head } = observation
  const rotationKeys = head?.data?.rotationKeys ?? []
  return {
    ...(pds !== undefined && { pds }),
    ...(signingKey !== undefined && { signingKey }),
    rotationKeys,
    ...(head && {
      head: head.cid,
      recoverable: isRecoverable(rotationKeys, rotationKey.did, config.recoveryKeys),
    }),
    movedAway: !identityWatch.isHere(observation),
  }
}

/**
 * Whether a key above ours can undo, for 72 hours, what our key signs. The owner can if one of the configured
 * recovery keys is above ours; if none is configured, any key that is not ours counts.
 */
const isRecoverable = (keys: readonly string[], ours: string, recovery: readonly string[]): boolean => {
  const ourIndex = keys.indexOf(ours)
  const above = ourIndex < 0 ? keys : keys.slice(0, ourIndex)
  return recovery.length > 0 ? above.some((key) => recovery.includes(key)) : above.length > 0
}
