import type { Check, OutputSchema } from '../../generated/types/com/cirrus/admin/checkMigration.ts'
import { parseCommit, verifyCommit } from '../../repo/commit.ts'
import { WalkError } from '../../repo/tree/treeWalk.ts'
import { keyRoles } from '../../plc/keyRoles.ts'
import { operationBudget } from '../../plc/operationBudget.ts'
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import type { Blobs } from '../blobs/blobs.ts'
import { type VerifiedBlobs, verifyBlobs, verifySomeBlobs } from '../blobs/verifyBlobs.ts'
import type { Blocks } from '../blocks/blocks.ts'
import { readAccount, stateOf } from '../db/accountRow.ts'
import { readCounts } from '../db/head.ts'
import { fencedUntil } from '../db/fencedUntil.ts'
import type { Sql } from '../db/sql.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { SigningKeys } from '../identity/signingKeys.ts'
import type { Imports } from '../import/imports.ts'
import type { PlcOperations } from '../plc/plcOperations.ts'
import type { Repo } from '../repo/repo.ts'
import { verifySlice } from '../repo/verifySlice.ts'
import { count, fail, migrationChecks, type MigrationSituation, pass } from './migrationChecks.ts'

export interface CheckMigrationDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep' | 'random'>
  did: string
  origin: string
  config: { recoveryKeys: readonly string[] }
  blocks: Blocks
  blobs: Blobs
  repo: Pick<Repo, 'requireHead'>
  imports: Pick<Imports, 'progress'>
  identityWatch: Pick<IdentityWatch, 'share' | 'isHere'>
  plc: Pick<PlcOperations, 'unsubmitted'>
  signingKeys: SigningKeys
  rotationKey: { did: string }
}

export interface CheckMigrationOptions {
  blobs: string
  cursor?: string | undefined
}

/** What one request verifies of the tree: in steps, between which other requests have their turn. */
const STEP = { blocks: 5_000, bytes: 4 * 1024 * 1024 }
const MAX_STEPS = 12
/** A target with a token may ask as well: so often the directory is asked at most. */
const OBSERVATION_LIMITS = { maxAgeMs: 5_000, retryMs: 5_000 }

/** Where the next answer goes on. */
type Place = { kind: 'repository'; after: string } | { kind: 'blobs'; after: string }

const TREE = 'repo:'
const BLOBS = 'blobs:'

const parseCursor = (cursor: string): Place => {
  if (cursor.startsWith(TREE)) return { kind: 'repository', after: cursor.slice(TREE.length) }
  if (cursor.startsWith(BLOBS)) return { kind: 'blobs', after: cursor.slice(BLOBS.length) }
  throw error('InvalidRequest', 'cursor: give the one of the answer before, or none to begin')
}

const isoTime = (at: number): string => new Date(at).toISOString()

/** Verifies the tree after a path, as far as one request may. */
const verifyTree = async ({ blocks, repo, platform }: CheckMigrationDeps, after: string) => {
  const found: { records: number; bytes: number; next: string | undefined; problem: string | undefined } = {
    records: 0,
    bytes: 0,
    next: after,
    problem: undefined,
  }
  try {
    for (let step = 0; step < MAX_STEPS && found.next !== undefined; step++) {
      if (step > 0) await platform.sleep(0)
      const { data } = repo.requireHead()
      const slice = verifySlice(data, (cid) => blocks.read(cid), { after: found.next, limits: STEP })
      found.records += slice.records
      found.bytes += slice.bytes
      found.next = slice.next
    }
  } catch (cause) {
    if (!(cause instanceof WalkError)) throw cause
    return { ...found, next: undefined, problem: cause.message }
  }
  return found
}

const checkTree = ({ records, problem }: { records: number; problem: string | undefined }): Check =>
  problem === undefined
    ? pass('repository', `${count(records, 'record')} verified`)
    : fail('repository', problem, 'keep what there is (`pds backup <dir>`), then look at `pds check`')

const checkBlobs = ({ blobs, wrong }: VerifiedBlobs): Check =>
  wrong.length === 0
    ? pass('blobs', `${count(blobs, 'blob')} read, each with the right hash`)
    : fail(
        'blobs',
        `of ${blobs.toLocaleString('en-US')} blobs that were read, ${wrong.length} are gone from the bucket or have other bytes: ${wrong.slice(0, 5).join(', ')}${wrong.length > 5 ? ' …' : ''}`,
        'bring them back from a backup: `pds restore <dir>`',
      )

/** The commit is of this account, and signed by the key that is in use. */
const checkCommit = async ({ blocks, repo, did, signingKeys }: CheckMigrationDeps): Promise<Check> => {
  const { root, rev } = repo.requireHead()
  const bytes = blocks.read(root)
  const isRight =
    bytes !== undefined &&
    parseCommit(bytes).did === did &&
    (await verifyCommit(parseCommit(bytes), signingKeys.inUse.did))
  return isRight
    ? pass('commit', `the latest commit, ${rev}, is signed with this server’s key`)
    : fail(
        'commit',
        `the latest commit, ${rev}, is not signed with this server’s key: a target would refuse the repository`,
        '`pds deactivate`, then `pds activate`, signs it again',
      )
}

/** The bytes of the repository as a CAR: of its last pack, and of the commits since. */
const repoBytes = ({ sql, blocks }: CheckMigrationDeps): number => {
  const [pack] = blocks.packs.all()
  const since = sql.first<{ bytes: number | null }>('SELECT sum(length(bytes)) AS bytes FROM loose')
  return (pack ? blocks.packs.byteLength(pack) : 0) + (since?.bytes ?? 0)
}

/** What can be said at one look. */
const look = async (deps: CheckMigrationDeps): Promise<Pick<OutputSchema, 'checks' | 'facts'>> => {
  const { sql, platform, did, config, blobs, repo, imports, identityWatch, plc, signingKeys } = deps
  const observed = await identityWatch
    .share(OBSERVATION_LIMITS)
    .catch((cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause))))
  const commit = await checkCommit(deps)
  // There is no await from here on, so that the answer is of one moment.
  const observation = observed instanceof Error ? undefined : observed
  const now = platform.now()
  const { expected, stored, bytes } = blobs.counts()
  const unsubmitted = observation ? plc.unsubmitted(observation) : []
  const situation: MigrationSituation = {
    did,
    origin: deps.origin,
    state: stateOf(readAccount(sql)),
    now,
    observed,
    here: observation !== undefined && identityWatch.isHere(observation),
    signingKey: signingKeys.inUse.did,
    rotationKey: deps.rotationKey.did,
    recoveryKeys: config.recoveryKeys,
    keyChange: signingKeys.next !== undefined,
    importing: imports.progress !== undefined,
    blobs: { expected, stored },
    unsubmitted,
  }
  const { rev, data } = repo.requireHead()
  const largest = blobs.largest()
  const fence = fencedUntil(deps)
  const rotationKeys = observation?.head?.data?.rotationKeys
  const operations = observation?.operations && operationBudget(observation.operations, now)
  return {
    checks: [...migrationChecks(situation), commit],
    facts: {
      did,
      time: isoTime(now),
      state: situation.state,
      ...(observation?.pds !== undefined && { pds: observation.pds }),
      ...(observation?.head && { head: observation.head.cid }),
      ...(rotationKeys && {
        rotationKeys: keyRoles(rotationKeys, {
          owner: config.recoveryKeys,
          source: { signed: [deps.rotationKey.did] },
        }).map(({ key, role }) => ({ key, role })),
      }),
      ...(operations && { operations: { left: operations.left, ...operations.used } }),
      rev,
      data: data.toString(),
      records: readCounts(sql).records,
      repoBytes: repoBytes(deps),
      blobs: { expected, stored, bytes, ...(largest && { largest }) },
      unsubmitted: unsubmitted.map(({ cid }) => cid),
      ...(fence !== undefined && { fencedUntil: isoTime(fence) }),
    },
  }
}

/**
 * What only this server knows of whether the account can leave safely. Each answer is bounded: it verifies a part of the
 * repository, then of the blobs, and `cursor` says where the next one goes on.
 */
export const checkMigration = async (
  deps: CheckMigrationDeps,
  options: CheckMigrationOptions,
): Promise<OutputSchema> => {
  deps.repo.requireHead()
  const place = options.cursor === undefined ? undefined : parseCursor(options.cursor)
  const { checks, facts } = place ? { checks: [] } : await look(deps)
  const tree = place?.kind === 'blobs' ? undefined : await verifyTree(deps, place?.after ?? '')
  const isTreeDone = tree?.next === undefined
  const after = place?.kind === 'blobs' ? place.after : ''
  const blobs = isTreeDone
    ? await (options.blobs === 'all' ? verifyBlobs(deps, after) : verifySomeBlobs(deps))
    : undefined
  const cursor = isTreeDone ? blobs?.next !== undefined && BLOBS + blobs.next : TREE + tree.next
  return {
    checks: [...checks, ...(tree ? [checkTree(tree)] : []), ...(blobs ? [checkBlobs(blobs)] : [])],
    ...(facts && { facts }),
    verified: {
      records: tree?.records ?? 0,
      bytes: tree?.bytes ?? 0,
      blobs: blobs?.blobs ?? 0,
      blobBytes: blobs?.bytes ?? 0,
      ...(blobs && blobs.wrong.length > 0 && { wrong: blobs.wrong }),
    },
    ...(cursor && { cursor }),
  }
}
