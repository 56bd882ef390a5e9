import { type Client, XrpcError } from '../../client/index.ts'
import { readAccount } from '../../client/import.ts'
import { backoffMs, retrying } from '../../client/retry.ts'
import { docsPath } from '../../docsLink.ts'
import { type CarBytes, indexCar, type IndexedCar } from '../../repo/car/indexCar.ts'
import { MoverError } from '../moverError.ts'
import { moverFailure } from '../refusal.ts'
import type { MoveStore } from '../moveStore.ts'
import type { Source } from '../source.ts'
import type { Who } from '../who.ts'
import { type CopyDeps, declines, retryOptions } from './copyDeps.ts'
import {
  type Blocks,
  type RepoFacts,
  repoProblem,
  type VerifyOptions,
  verifyStored,
  writeRepo,
} from './writeRepo.ts'

/** The verified repository of the source, in the store. */
export const REPO_FILE = 'repo.car'
/** What arrives, until it has been verified. */
const INCOMING_FILE = 'incoming.car'

/** Some six million records. An owner who has more says so: what a source sends without end must not fill the disk. */
const MAX_REPO_BYTES = 2_000_000_000
/** More than that since the last copy is fetched as a whole. */
const MAX_DELTA_BYTES = 32 * 1024 * 1024
/** So often a whole repository is begun again. */
const MAX_BROKEN_BODIES = 4

export interface FetchRepoOptions {
  readonly source: Pick<Source, 'client' | 'name'>
  readonly who: Pick<Who, 'did' | 'signingKeys'>
  readonly store: MoveStore
  readonly maxBytes?: number | undefined
}

export interface FetchedRepo {
  readonly facts: RepoFacts
  /** `here`: the store had this commit already; `since`: only what is new was fetched. */
  readonly how: 'here' | 'since' | 'whole'
  /** The CAR of what is new since `base`, as it came: a target that has `base` may take it in place of the whole. */
  readonly delta?: { readonly base: RepoFacts; readonly car: Uint8Array<ArrayBuffer> } | undefined
}

export async function* counted(
  { progress, signal }: CopyDeps,
  body: AsyncIterable<Uint8Array>,
  { maxBytes, totalBytes }: { maxBytes: number; totalBytes?: number | undefined },
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of body) {
    signal.throwIfAborted()
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new MoverError(
        'import-too-large',
        `the source sent more than ${maxBytes} bytes as the repository; nothing of it was kept`,
        { next: 'if the repository is really that large, run the same command with --max-repo <MB>' },
      )
    progress?.({ bytes, totalBytes })
    yield chunk
  }
  progress?.({ bytes, totalBytes: bytes })
}

const inMemory = (bytes: Uint8Array): CarBytes => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
  async *stream() {
    yield bytes
  },
})

const verifyOptions = (deps: CopyDeps, { did, signingKeys }: FetchRepoOptions['who']): VerifyOptions => ({
  did,
  signingKeys,
  now: deps.now(),
})

/** The repository that the store has from an earlier run, verified again; undefined if there is none that verifies. */
export async function loadRepo(
  deps: CopyDeps,
  { store, who }: Pick<FetchRepoOptions, 'store' | 'who'>,
): Promise<RepoFacts | undefined> {
  const file = await store.openFile(REPO_FILE)
  if (!file) return undefined
  try {
    return await verifyStored(file, verifyOptions(deps, who))
  } catch (cause) {
    if (repoProblem(cause) === undefined) throw cause
    return undefined
  } finally {
    file.close()
  }
}

/** The latest commit; undefined where a source does not say. */
const latestCommit = async (deps: CopyDeps, client: Client, did: string) => {
  try {
    return await retrying(retryOptions(deps))(() =>
      client.com.atproto.sync.getLatestCommit({ did }, { signal: deps.signal }),
    )
  } catch (cause) {
    // A source that has the repository and not this method is asked for the repository.
    if (declines(cause)) return undefined
    throw moverFailure(cause, 'source')
  }
}

/** What is new, and below it what was there before. */
const together = (newer: IndexedCar, earlier: IndexedCar): Blocks => ({
  root: newer.root,
  blocks: newer.blocks + earlier.blocks,
  find(bytes, offset) {
    const found = newer.find(bytes, offset)
    if (found) return found
    const before = earlier.find(bytes, offset)
    return before && { bytes: before.bytes, n: newer.blocks + before.n }
  },
})

/** Brings the copy in the store up to date with what is new. Undefined where the source's answer does not fit it. */
async function fetchSince(
  deps: CopyDeps,
  { source, who, store }: FetchRepoOptions,
  base: RepoFacts,
): Promise<FetchedRepo | undefined> {
  const { did } = who
  const chunks: Uint8Array[] = []
  try {
    const { body, length } = await source.client.com.atproto.sync.getRepo(
      { did, since: base.rev },
      { signal: deps.signal },
    )
    for await (const chunk of counted(deps, body, { maxBytes: MAX_DELTA_BYTES, totalBytes: length }))
      chunks.push(chunk)
    const car = new Uint8Array(Buffer.concat(chunks))
    const newer = await indexCar(inMemory(car))
    const file = await store.openFile(REPO_FILE)
    if (!file) return undefined
    try {
      const merged = together(newer, await indexCar(file))
      const facts = await writeRepo(merged, verifyOptions(deps, who), store, REPO_FILE)
      return { facts, how: 'since', delta: { base, car } }
    } finally {
      file.close()
    }
  } catch {
    deps.signal.throwIfAborted()
    // Whatever it was, the whole repository is asked for next, and that answer counts.
    return undefined
  }
}

async function fetchWhole(deps: CopyDeps, options: FetchRepoOptions): Promise<FetchedRepo> {
  const { source, who, store, maxBytes = MAX_REPO_BYTES } = options
  const { did } = who
  const reader = readAccount(source.client, { did, signal: deps.signal, wait: deps.wait })
  for (let attempt = 0; ; attempt++) {
    const { body, length } = await reader.repo()
    try {
      await store.writeFile(INCOMING_FILE, counted(deps, body, { maxBytes, totalBytes: length }))
      break
    } catch (cause) {
      deps.signal.throwIfAborted()
      // What breaks off is begun again. (A body of a Cirrus goes on where it was, and does not come here.)
      if (!(cause instanceof TypeError) && !(cause instanceof XrpcError)) throw cause
      if (attempt >= MAX_BROKEN_BODIES)
        throw new MoverError('source-unreachable', `the repository broke off each time: ${cause.message}`, {
          cause,
        })
      await deps.wait(backoffMs(attempt), deps.signal)
    }
  }
  const file = await store.openFile(INCOMING_FILE)
  if (!file) throw new Error(`${store.name} lost ${INCOMING_FILE}`)
  try {
    const facts = await writeRepo(await indexCar(file), verifyOptions(deps, who), store, REPO_FILE)
    return { facts, how: 'whole' }
  } finally {
    file.close()
    // It may be large, and is not needed any more.
    await store.writeFile(INCOMING_FILE, (async function* () {})())
  }
}

/**
 * Fetches the source's repository, as it is now, into the store, verified to its last record against every key that the
 * DID ever named. A commit that is there already is not fetched again; of a later one, only what is new, where the
 * source sends that. Records that the specification forbids come in and are listed. Throws MoverError.
 */
export async function fetchRepo(deps: CopyDeps, options: FetchRepoOptions): Promise<FetchedRepo> {
  const { source, who } = options
  const latest = await latestCommit(deps, source.client, who.did)
  const base = await loadRepo(deps, options)
  if (base && latest?.cid === base.root) return { facts: base, how: 'here' }
  if (base && latest) {
    const found = await fetchSince(deps, options, base)
    if (found) return found
  }
  try {
    return await fetchWhole(deps, options)
  } catch (cause) {
    const problem = repoProblem(cause)
    if (problem !== undefined)
      throw new MoverError('source-refused', `the repository of ${source.name} does not verify: ${problem}`, {
        cause,
        docs: docsPath('repository-refused'),
      })
    throw moverFailure(cause, 'source')
  }
}
