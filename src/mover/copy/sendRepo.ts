import { XrpcError } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { MoverError } from '../moverError.ts'
import { moverFailure } from '../refusal.ts'
import type { MoveStore } from '../moveStore.ts'
import type { Target } from '../target.ts'
import { type CopyDeps, retryOptions } from './copyDeps.ts'
import { type FetchedRepo, REPO_FILE } from './fetchRepo.ts'
import { uploadRepo } from './uploadRepo.ts'
import { checkTargetRepo, hasTree, type TargetRepo } from './targetRepo.ts'
import type { RepoFacts } from './writeRepo.ts'

/** A record because of which a target refuses the repository, for the owner to decide about. */
export interface RefusedRecord {
  /** `at://did/collection/rkey`. */
  readonly uri: string
  readonly problem: string
}

export type SentRepo =
  | { readonly outcome: 'sent' | 'already'; readonly target: TargetRepo }
  /**
   * The target takes none of it because of records that the specification forbids. Nothing is lost and nothing was
   * changed: the owner chooses whether they are deleted at the source, or another target is taken.
   */
  | { readonly outcome: 'refused'; readonly records: readonly RefusedRecord[]; readonly reason: string }

export interface SendRepoOptions {
  readonly did: string
  readonly target: Pick<Target, 'client' | 'kind' | 'origin'>
  readonly store: MoveStore
  readonly facts: RepoFacts
  /** What is new since a repository that the target has already: tried first, because it is small. */
  readonly delta?: FetchedRepo['delta']
  /** Has the target fetch a repository that is too large for a request; absent where it cannot. */
  readonly pull?: (() => Promise<void>) | undefined
  /** The most bytes that the target takes in one request; 100 MB. A Cirrus gets more in parts. */
  readonly maxRequestBytes?: number | undefined
}

const CAR = 'application/vnd.ipld.car'

const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** Whether a refusal means that the body was too large, whatever its name. */
export const isTooLarge = (cause: unknown): cause is XrpcError =>
  cause instanceof XrpcError && (cause.status === 413 || cause.error === 'PayloadTooLarge')

const send = async (deps: CopyDeps, { target }: SendRepoOptions, body: Blob): Promise<void> => {
  await retrying(retryOptions(deps))(() =>
    target.client.com.atproto.repo.importRepo({ encoding: CAR, body }, { signal: deps.signal }),
  )
}

/** A server that cannot read a record says that the request is bad, or fails. */
const mayMeanRecords = ({ status }: XrpcError): boolean => status === 400 || status === 422 || status === 500

/** The records that a refusal is about: those that are known to be malformed, and one that the answer names. */
const refusedRecords = ({ did, facts }: SendRepoOptions, { message }: XrpcError): RefusedRecord[] => {
  const found = new Map(facts.malformed.map(({ path, problem }) => [path, problem]))
  const [, named] = /([a-z][a-z0-9-]*(?:\.[a-zA-Z0-9-]+)+\/[\w.:~-]+)/.exec(message) ?? []
  if (named !== undefined && !found.has(named)) found.set(named, message)
  return [...found].map(([path, problem]) => ({ uri: `at://${did}/${path}`, problem }))
}

/** Sends what is new; false where the target does not end up with the tree that way. */
const sendDelta = async (deps: CopyDeps, options: SendRepoOptions): Promise<boolean> => {
  const { delta, target, did, facts } = options
  if (!delta || !(await hasTree(deps, target.client, did, delta.base))) return false
  try {
    await send(deps, options, new Blob([delta.car]))
  } catch (cause) {
    deps.signal.throwIfAborted()
    if (!(cause instanceof XrpcError)) throw cause
    return false
  }
  return await hasTree(deps, target.client, did, facts)
}

const sendWhole = async (deps: CopyDeps, options: SendRepoOptions): Promise<SentRepo | undefined> => {
  const { store, target, maxRequestBytes } = options
  const file = await store.openFile(REPO_FILE)
  if (!file) throw new Error(`${store.name} lost ${REPO_FILE}`)
  const upload = async () => await uploadRepo(deps, target.client, await file.blob(), { maxRequestBytes })
  // Fetched from a server that has it, or else sent in parts: what only a Cirrus can do.
  const pull = options.pull ?? (target.kind === 'cirrus' ? upload : undefined)
  try {
    if (pull && target.kind === 'cirrus' && file.size > (maxRequestBytes ?? REQUEST_LIMIT_BYTES)) await pull()
    else await send(deps, options, await file.blob())
    return undefined
  } catch (cause) {
    deps.signal.throwIfAborted()
    if (isTooLarge(cause) && pull) {
      await pull()
      return undefined
    }
    if (isTooLarge(cause))
      throw new MoverError(
        'import-too-large',
        `${target.origin} does not take a repository of ${mega(file.size)}: ${cause.message}. Nothing was changed`,
        { cause, server: cause.error },
      )
    if (!(cause instanceof XrpcError) || !mayMeanRecords(cause)) throw moverFailure(cause, 'target')
    const records = refusedRecords(options, cause)
    if (records.length === 0) throw moverFailure(cause, 'target', { '*': 'import-refused' })
    return { outcome: 'refused', records, reason: `${cause.error}: ${cause.message}` }
  } finally {
    file.close()
  }
}

/**
 * Sends the repository of the store to the target, and then finds out whether the target has it: what it answered counts
 * for nothing. A target that already has the tree is not sent it again. Throws MoverError.
 */
export async function sendRepo(deps: CopyDeps, options: SendRepoOptions): Promise<SentRepo> {
  const { target, did, facts } = options
  const already = await hasTree(deps, target.client, did, facts)
  if (!already && !(await sendDelta(deps, options))) {
    const refused = await sendWhole(deps, options)
    if (refused) return refused
  }
  let found = await checkTargetRepo(deps, target, options)
  if (found.complete === false && already) {
    // It has the commit, and has forgotten some of what belongs to it.
    const refused = await sendWhole(deps, options)
    if (refused) return refused
    found = await checkTargetRepo(deps, target, options)
  }
  if (found.complete === false)
    throw new MoverError(
      'target-lies',
      `${target.origin} answered that it took the repository, but ${found.seen}. The account stays where it is`,
    )
  return { outcome: already ? 'already' : 'sent', target: found }
}

/** Deletes records at the source that the owner chose, because the target refuses them. Returns how many. */
export async function deleteAtSource(
  deps: CopyDeps,
  client: SendRepoOptions['target']['client'],
  did: string,
  uris: readonly string[],
): Promise<number> {
  for (const uri of uris) {
    const [collection = '', rkey = ''] = uri.slice(`at://${did}/`.length).split('/')
    try {
      await retrying(retryOptions(deps))(() =>
        client.com.atproto.repo.deleteRecord({ repo: did, collection, rkey }),
      )
    } catch (cause) {
      throw moverFailure(cause, 'source')
    }
  }
  return uris.length
}
