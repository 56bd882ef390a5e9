import { XrpcError } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { blobRefs } from '../../repo/blobRefs.ts'
import { indexCar, type IndexedCar } from '../../repo/car/indexCar.ts'
import { readCar } from '../../repo/car/readCar.ts'
import { CborError, decodeBlock } from '../../repo/cbor.ts'
import { cidText } from '../../repo/cid.ts'
import { parseCommit } from '../../repo/commit.ts'
import { walk } from '../../repo/tree/treeWalk.ts'
import { type LateRecord, lateRecords, type TreeRecord } from '../lateRecords.ts'
import { recordJson } from '../recordJson.ts'
import { moverFailure } from '../refusal.ts'
import type { MoveStore } from '../moveStore.ts'
import type { Source } from '../source.ts'
import type { Target } from '../target.ts'
import type { Who } from '../who.ts'
import { type CopyDeps, retryOptions } from './copyDeps.ts'
import { fetchRepo, REPO_FILE } from './fetchRepo.ts'
import { newerBlocks } from './newerBlocks.ts'
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
  /**
   * Why it may be that it did not come late, and was deleted at the target instead; undefined where the copy that the
   * target took shows that it came late.
   */
  readonly doubt: 'older' | 'unknown' | undefined
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
  /** The commit that the target took last, as the journal says; undefined where it does not. */
  readonly taken: string | undefined
  /** When the DID began to name the target, in milliseconds since the epoch; undefined where its log does not say. */
  readonly rotatedAt: number | undefined
}

interface Record extends TreeRecord {
  readonly bytes: Uint8Array
}

/** The records of a repository that was verified, or that only says what the target has. */
function* recordsOf({ root, read }: Pick<IndexedCar, 'root' | 'read'>): Generator<Record> {
  for (const item of walk(parseCommit(read(root) ?? new Uint8Array()).data, read))
    if (item.kind === 'record') yield { path: item.key, cid: item.cid, bytes: item.bytes }
}

const writeOf = (
  { path, action, late, conflict }: LateRecord<Record>,
  doubtAbout: (record: Record) => LateWrite['doubt'],
): LateWrite => {
  const doubt = late && doubtAbout(late)
  const write = { path, action, conflict, doubt, value: undefined, problem: undefined, blobs: [] }
  if (!late) return write
  try {
    const value = decodeBlock(late.bytes)
    const blobs = blobRefs(value).map(({ cid, mimeType, size }) => ({
      cid: cidText(cid.bytes),
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

/** The commit that a CAR of the store begins with; undefined where there is none. */
const rootOf = async (store: MoveStore, name: string): Promise<string | undefined> => {
  const file = await store.openFile(name)
  if (!file || file.size === 0) return undefined
  try {
    const car = await readCar(file.stream())
    await car.cancel()
    return car.roots[0]?.toString()
  } finally {
    file.close()
  }
}

const nothing = async function* (): AsyncGenerator<Uint8Array> {}

/**
 * Keeps the repository that the target took, before a newer one takes its place in the store. An interrupted run has kept
 * it already. What the store has of another commit says nothing about what came later.
 */
const keepBase = async (store: MoveStore, taken: string | undefined): Promise<void> => {
  const kept = await rootOf(store, BASE_FILE)
  if (kept !== undefined && kept === taken) return
  if (taken === undefined || (await rootOf(store, REPO_FILE)) !== taken) {
    if (kept !== undefined) await store.writeFile(BASE_FILE, nothing())
    return
  }
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

/** The blocks of records that the source got after the rotation, by CID; undefined where it does not tell. */
const newerRecords = async (
  deps: CopyDeps,
  { source, who, store, rotatedAt }: FindLateOptions,
): Promise<ReadonlySet<string> | undefined> => {
  const newer =
    rotatedAt === undefined ? undefined : await newerBlocks(deps, source.client, who.did, rotatedAt)
  if (!newer) return undefined
  return await withRecords(store, REPO_FILE, (records) => {
    for (const { cid } of records) if (!newer.has(cid.toString())) return newer
    // It sends everything, whatever it is asked for.
    return undefined
  })
}

/**
 * What was written to the source after the target took its repository, and is not at the target yet. May be asked again
 * after an interruption. Where the store does not have what the target took (another machine), what only the source has
 * is named, and nothing that only the target has. Such a record may also have been deleted at the target: `doubt` says
 * so of each that the source did not get after the DID named the target.
 */
export async function findLate(
  deps: CopyDeps,
  options: FindLateOptions,
): Promise<{ root: string; writes: LateWrite[] }> {
  const { store, taken } = options
  await keepBase(store, taken)
  const {
    facts: { root },
  } = await fetchRepo(deps, options)
  const base = await rootOf(store, BASE_FILE)
  // Nothing was written since: nothing of the target has to be read.
  if (base === root) return { root, writes: [] }
  const found = await withTarget(deps, options, (there) =>
    withRecords(store, BASE_FILE, (base) =>
      withRecords(store, REPO_FILE, (late) => [...lateRecords({ base, late, there })]),
    ),
  )
  const isInDoubt = base === undefined && found.length > 0
  const newer = isInDoubt ? await newerRecords(deps, options) : undefined
  const doubtAbout = ({ cid }: Record): LateWrite['doubt'] => {
    if (!isInDoubt || newer?.has(cid.toString())) return undefined
    return newer ? 'older' : 'unknown'
  }
  return { root, writes: found.map((record) => writeOf(record, doubtAbout)) }
}

/** Fetches the target's repository into the store for a while. */
async function withTarget<T>(
  deps: CopyDeps,
  { target, who, store }: Pick<FindLateOptions, 'target' | 'who' | 'store'>,
  use: (there: Iterable<Record>) => Promise<T>,
): Promise<T> {
  try {
    await retrying(retryOptions(deps))(async () => {
      const { body } = await target.client.com.atproto.sync.getRepo({ did: who.did }, { signal: deps.signal })
      await store.writeFile(TARGET_FILE, body).catch((cause: unknown) => {
        deps.signal.throwIfAborted()
        if (!(cause instanceof TypeError)) throw cause
        throw new XrpcError('NetworkError', `the repository broke off: ${cause.message}`, { cause })
      })
    })
    return await withRecords(store, TARGET_FILE, use)
  } catch (cause) {
    const problem = repoProblem(cause)
    if (problem === undefined) throw moverFailure(cause, 'target')
    const text = `what it gives out as its repository cannot be read: ${problem}`
    throw moverFailure(new XrpcError('Unexpected', text), 'target')
  }
}

/** Forgets the copy that late records were compared with: everything has been brought over. */
export async function endLate(store: MoveStore): Promise<void> {
  for (const name of [BASE_FILE, TARGET_FILE]) await store.writeFile(name, nothing())
}
