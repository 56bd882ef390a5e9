import { XrpcError } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { blobRefs } from '../../repo/blobRefs.ts'
import { indexCar, type IndexedCar } from '../../repo/car/indexCar.ts'
import { CborError, decodeBlock } from '../../repo/cbor.ts'
import { parseCommit } from '../../repo/commit.ts'
import { walk } from '../../repo/tree/treeWalk.ts'
import { type LateRecord, lateRecords, type TreeRecord } from '../lateRecords.ts'
import { recordJson } from '../recordJson.ts'
import { moverFailure } from '../refusal.ts'
import type { MoveStore, Source, Target, Who } from '../types.ts'
import { type CopyDeps, retryOptions } from './copyDeps.ts'
import { fetchRepo, REPO_FILE } from './fetchRepo.ts'
import { type NeededBlob, repoProblem } from './writeRepo.ts'

/** The repository as it was copied: what is written later is later than this. */
const BASE_FILE = 'base.car'
const TARGET_FILE = 'target.car'

/** A record that was written to the source after the copy, ready to be written to the target. */
export interface LateWrite {
  /** `collection/rkey`. */
  readonly path: string
  readonly action: LateRecord['action']
  /** The target's record has been changed as well: to bring this one over would undo that. */
  readonly conflict: boolean
  /** The record as JSON; undefined for `delete`, and where `problem` says why it has no JSON. */
  readonly value: unknown
  readonly problem: string | undefined
  readonly blobs: readonly NeededBlob[]
}

export interface FindLateOptions {
  readonly source: Pick<Source, 'client' | 'name'>
  readonly target: Pick<Target, 'client'>
  readonly who: Pick<Who, 'did' | 'signingKeys'>
  readonly store: MoveStore
}

interface Record extends TreeRecord {
  readonly bytes: Uint8Array
}

/** The records of a repository that was verified, or that only says what the target has. */
function* recordsOf({ root, read }: Pick<IndexedCar, 'root' | 'read'>): Generator<Record> {
  for (const item of walk(parseCommit(read(root) ?? new Uint8Array()).data, read))
    if (item.kind === 'record') yield { path: item.key, cid: item.cid, bytes: item.bytes.slice() }
}

const writeOf = ({ path, action, late, conflict }: LateRecord<Record>): LateWrite => {
  const write = { path, action, conflict, value: undefined, problem: undefined, blobs: [] }
  if (!late) return write
  try {
    const value = decodeBlock(late.bytes)
    const blobs = blobRefs(value).map(({ cid, mimeType, size }) => ({
      cid: cid.toString(),
      mimeType,
      size,
      path,
    }))
    return { ...write, value: recordJson(value), blobs }
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause
    return { ...write, problem: cause.message }
  }
}

/** Keeps the repository that was copied, before a newer one takes its place. An interrupted run has kept it already. */
const keepBase = async (store: MoveStore): Promise<void> => {
  const kept = await store.openFile(BASE_FILE)
  kept?.close()
  if (kept && kept.size > 0) return
  const copied = await store.openFile(REPO_FILE)
  if (!copied) return
  try {
    await store.writeFile(BASE_FILE, copied.stream())
  } finally {
    copied.close()
  }
}

/** Opens a CAR of the store for a while. Without the file, or in an empty one, there are no records. */
async function withRecords<T>(
  store: MoveStore,
  name: string,
  use: (records: Iterable<Record>) => T | Promise<T>,
): Promise<T> {
  const file = await store.openFile(name)
  if (!file || file.size === 0) return await use([])
  try {
    return await use(recordsOf(await indexCar(file)))
  } finally {
    file.close()
  }
}

/**
 * What was written to the source since the repository that the store has was copied, and is not at the target yet. May be
 * asked again after an interruption. Without a copy in the store (another machine), what only the source has is named,
 * and nothing that only the target has.
 */
export async function findLate(deps: CopyDeps, options: FindLateOptions): Promise<LateWrite[]> {
  const { store, target, who } = options
  await keepBase(store)
  await fetchRepo(deps, options)
  try {
    await retrying(retryOptions(deps))(async () => {
      const { body } = await target.client.com.atproto.sync.getRepo({ did: who.did }, { signal: deps.signal })
      await store.writeFile(TARGET_FILE, body).catch((cause: unknown) => {
        deps.signal.throwIfAborted()
        if (!(cause instanceof TypeError)) throw cause
        throw new XrpcError('NetworkError', `the repository broke off: ${cause.message}`, { cause })
      })
    })
    return await withRecords(store, BASE_FILE, (base) =>
      withRecords(store, REPO_FILE, (late) =>
        withRecords(store, TARGET_FILE, (there) => [...lateRecords({ base, late, there })].map(writeOf)),
      ),
    )
  } catch (cause) {
    if (repoProblem(cause) === undefined) throw moverFailure(cause, 'target')
    throw moverFailure(
      new XrpcError(
        'Unexpected',
        `what it gives out as its repository cannot be read: ${repoProblem(cause)}`,
      ),
      'target',
    )
  }
}

/** Forgets the copy that late records were compared with: everything has been brought over. */
export async function endLate(store: MoveStore): Promise<void> {
  for (const name of [BASE_FILE, TARGET_FILE]) await store.writeFile(name, (async function* () {})())
}
