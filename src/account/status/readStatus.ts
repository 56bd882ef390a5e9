/** The whole account at a glance, for its owner. */
import type { OutputSchema } from '../../generated/types/com/cirrus/admin/getStatus.ts'
import type { Config } from '../../config.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Imports } from '../import/imports.ts'
import type { IdentityWatch, Observation } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import { nextCommand, type Situation } from './nextCommand.ts'
import type { PlcOperations } from '../plc/plcOperations.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, stateOf, readCounts, readHead } from '../db/accountRow.ts'

export interface StatusDeps {
  sql: Sql
  config: Config
  blobs: Blobs
  imports: Pick<Imports, 'progress'>
  journal: Journal
  watch: IdentityWatch
  plc: PlcOperations
  /** did:key of each. */
  signingKey: string
  rotationKey: string
}

const RECENT = 20

const time = (at: number): string => new Date(at).toISOString()

/** Asks the network afresh; if it does not answer, says so and shows the rest. */
export const readStatus = async (deps: StatusDeps): Promise<OutputSchema> => {
  const { sql, config, blobs, imports, journal, watch, plc } = deps
  const seen = await watch
    .observe()
    .catch((cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause))))
  const observation = seen instanceof Error ? undefined : seen
  // From here on nothing is awaited: the answer is of one moment.
  const row = readAccount(sql)
  const state = stateOf(row)
  const head = readHead(sql)
  const counts = readCounts(sql)
  const { expected, stored } = blobs.counts()
  const unsubmitted = observation ? plc.unsubmitted(observation) : []
  const situation: Situation = {
    state,
    did: config.did,
    origin: config.origin,
    wasActive: row.activatedAt !== undefined,
    identity: observation
      ? {
          pds: observation.pds,
          here: watch.isHere(observation),
          keyIsOurs: observation.signingKey === deps.signingKey,
          tombstoned: observation.head?.data === null,
        }
      : { error: seen instanceof Error ? seen.message : '' },
    records: counts.records,
    missingBlobs: expected - stored,
    unsubmitted,
  }
  return {
    did: config.did,
    handle: config.handle,
    active: state === 'active',
    state,
    ...(row.deactivatedAt !== undefined && { deactivatedAt: time(row.deactivatedAt) }),
    ...(row.deleteAfter !== undefined && { deleteAfter: row.deleteAfter }),
    identity: {
      ...(observation
        ? network(deps, observation)
        : { rotationKeys: [], movedAway: row.movedTo !== undefined }),
      ...(seen instanceof Error && { error: seen.message }),
    },
    repo: { ...(head && { rev: head.rev, commit: head.root.toString() }), ...counts },
    blobs: { expected, stored },
    ...(imports.progress && { importing: { ...imports.progress } }),
    unsubmitted: unsubmitted.map(({ cid, at, pds, changes }) => ({
      cid,
      signedAt: time(at),
      ...(pds !== undefined && { pds }),
      changes,
    })),
    journal: journal.recent(RECENT).map(({ at, event, detail }) => ({ at: time(at), event, detail })),
    next: nextCommand(situation),
  }
}

const network = (
  { watch, rotationKey, config }: StatusDeps,
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
      recoverable: isRecoverable(rotationKeys, rotationKey, config.recoveryKeys),
    }),
    movedAway: !watch.isHere(observation),
  }
}

/**
 * What our key signs can be undone for 72 hours by a key above it: by the owner, if one of the
 * configured recovery keys stands there; where none is configured, any key that is not ours.
 */
const isRecoverable = (keys: readonly string[], ours: string, recovery: readonly string[]): boolean => {
  const at = keys.indexOf(ours)
  const above = at < 0 ? keys : keys.slice(0, at)
  return recovery.length > 0 ? above.some((key) => recovery.includes(key)) : above.length > 0
}
