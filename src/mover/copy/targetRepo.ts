import type { Cid } from '@atproto/lex-data'
import { type Client, XrpcError } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { isObject } from '../../isObject.ts'
import { BlockMarks } from '../../repo/car/blockMarks.ts'
import { indexCar } from '../../repo/car/indexCar.ts'
import { readCar } from '../../repo/car/readCar.ts'
import { SectionReader } from '../../repo/car/sectionReader.ts'
import { sameCid } from '../../repo/cidBytes.ts'
import { CommitError, parseCommit } from '../../repo/commit.ts'
import { CarError } from '../../repo/car/carError.ts'
import { walk } from '../../repo/tree/treeWalk.ts'
import { moverFailure } from '../refusal.ts'
import type { MoveStore } from '../moveStore.ts'
import type { Target } from '../target.ts'
import { type CopyDeps, declines, retryOptions } from './copyDeps.ts'
import { REPO_FILE } from './fetchRepo.ts'
import type { RepoFacts } from './writeRepo.ts'

/** What a target was found to have of a repository. */
export interface TargetRepo {
  /** Whether it has the whole tree, down to each record's bytes; undefined if it shows its owner too little to tell. */
  readonly complete: boolean | undefined
  /** What was seen, as a sentence. */
  readonly seen: string
}

/** The commit's tree, read off the beginning of getRepo. Undefined where the account has no repository to show. */
export async function targetHead(
  deps: CopyDeps,
  client: Client,
  did: string,
): Promise<{ cid: string; rev: string; data: string } | undefined> {
  try {
    return await retrying(retryOptions(deps, 2))(async () => {
      const { body } = await client.com.atproto.sync.getRepo({ did }, { signal: deps.signal })
      const car = await readCar(body, { paddedLengths: true })
      const [root] = car.roots
      for await (const { cid, bytes } of car) {
        if (!root?.equals(cid)) continue
        const { rev, data } = parseCommit(bytes)
        return { cid: cid.toString(), rev, data: data.toString() }
      }
      return undefined
    })
  } catch (cause) {
    deps.signal.throwIfAborted()
    if (declines(cause) || cause instanceof CarError || cause instanceof CommitError) return undefined
    throw moverFailure(cause, 'target')
  }
}

/** Whether the tree of `facts` is at the target already. Only the beginning of its repository is read. */
export const hasTree = async (deps: CopyDeps, client: Client, did: string, facts: RepoFacts) =>
  (await targetHead(deps, client, did))?.data === facts.data

/** What the manifest of a Cirrus says about its tree. */
const askManifest = async (deps: CopyDeps, client: Client, facts: RepoFacts): Promise<TargetRepo> => {
  const { manifest } = await retrying(retryOptions(deps))(() => client.com.cirrus.admin.getManifest())
  const { data, collections } = decodeJws(manifest, 2 ** 20).payload
  const counts = isObject(collections) ? collections : {}
  const names = new Set([...Object.keys(counts), ...Object.keys(facts.collections)])
  const differing = [...names].filter((name) => counts[name] !== facts.collections[name])
  if (data !== facts.data) return { complete: false, seen: `its tree is ${String(data)}, not ${facts.data}` }
  return differing.length === 0
    ? { complete: true, seen: `its manifest has the same tree: ${facts.records} records` }
    : { complete: false, seen: `it has other numbers of records in ${differing.join(', ')}` }
}

/** Reads what the target gives out, and crosses off each block of the tree that has come. Nothing of it is kept. */
async function readBack(
  { client }: Pick<Target, 'client'>,
  deps: CopyDeps,
  { did, facts, store }: { did: string; facts: RepoFacts; store: MoveStore },
): Promise<TargetRepo> {
  const file = await store.openFile(REPO_FILE)
  if (!file) throw new Error(`${store.name} lost ${REPO_FILE}`)
  try {
    const { root, find, read, blocks } = await indexCar(file)
    const due = new BlockMarks(blocks)
    const mark = (cid: Cid) => {
      const found = find(cid.bytes)
      if (found) due.add(found.n)
      return found?.bytes
    }
    for (const _ of walk(parseCommit(read(root) ?? new Uint8Array()).data, mark));
    const { body } = await client.com.atproto.sync.getRepo({ did }, { signal: deps.signal })
    const car = await readCar(body, { paddedLengths: true, total: 2 * file.size + 2 ** 20 })
    let data: string | undefined
    const first = car.roots[0]?.bytes
    for await (const run of car.runs())
      for (const sections = new SectionReader(run); sections.next();) {
        const { cidAt } = sections
        // Copied, as what is parsed may keep its bytes.
        if (first && sameCid(run, cidAt, first, 0))
          data = parseCommit(sections.content.slice()).data.toString()
        const found = find(run, cidAt)
        if (found) due.delete(found.n)
      }
    if (data !== facts.data)
      return { complete: false, seen: `its tree is ${data ?? 'none'}, not ${facts.data}` }
    return due.size === 0
      ? { complete: true, seen: `it gave out the whole tree: ${facts.records} records` }
      : { complete: false, seen: `${due.size} blocks of the tree are missing in what it gives out` }
  } finally {
    file.close()
  }
}

/**
 * Finds out whether the target really has the repository, whatever it answered to the import: its manifest where it is a
 * Cirrus, else all that it gives out. Where it gives nothing out for an inactive account, what it counts is compared.
 */
export async function checkTargetRepo(
  deps: CopyDeps,
  target: Pick<Target, 'client' | 'kind'>,
  options: { did: string; facts: RepoFacts; store: MoveStore },
): Promise<TargetRepo> {
  const { facts } = options
  try {
    if (target.kind === 'cirrus') return await askManifest(deps, target.client, facts)
  } catch (cause) {
    // Not every session may ask for it: then its repository is read like any other.
    if (!declines(cause)) throw moverFailure(cause, 'target')
  }
  try {
    return await retrying(retryOptions(deps, 3))(() => readBack(target, deps, options))
  } catch (cause) {
    deps.signal.throwIfAborted()
    if (cause instanceof CarError || cause instanceof CommitError)
      return { complete: false, seen: `what it gives out cannot be read: ${cause.message}` }
    if (!(cause instanceof XrpcError) || !declines(cause)) throw moverFailure(cause, 'target')
  }
  try {
    const counted = await retrying(retryOptions(deps))(() =>
      target.client.com.atproto.server.checkAccountStatus(),
    )
    const { repoCommit, indexedRecords } = counted
    if (indexedRecords !== facts.records)
      return { complete: false, seen: `it counts ${indexedRecords} records, not ${facts.records}` }
    return repoCommit === facts.root
      ? { complete: true, seen: `it has the commit ${repoCommit} and counts ${indexedRecords} records` }
      : { complete: undefined, seen: `it counts ${indexedRecords} records, under the commit ${repoCommit}` }
  } catch (cause) {
    if (!declines(cause)) throw moverFailure(cause, 'target')
    return { complete: undefined, seen: 'it shows nothing of an inactive account' }
  }
}
