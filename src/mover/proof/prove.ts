import { XrpcError } from '../../client/index.ts'
import { OutboundError } from '../../outbound.ts'
import { CarError } from '../../repo/car/carError.ts'
import { RepoError } from '../../repo/verifyRepo.ts'
import { auditLogJson } from '../../plc/auditLogJson.ts'
import { type Check, pass, warn } from '../check.ts'
import { MoverError } from '../moverError.ts'
import type { MoverDeps } from '../moverDeps.ts'
import { checkBlobs } from './checkBlobs.ts'
import { compareRepos } from './compareRepos.ts'
import { checkHandle, checkRelay } from './networkChecks.ts'
import { checkMissing } from './checkMissing.ts'
import { type NamedKeys, readIdentity } from './readIdentity.ts'
import { type FetchedRepo, type ProofStore, readRepo, type Side } from './readRepo.ts'
import { MAX_LISTED, STATEMENT_KIND, type StatedRecords, type Statement } from './statement.ts'

export interface ProofOptions {
  readonly did: string
  readonly target: Side
  /** Undefined if nothing of the source can be read any more. */
  readonly source: Side | undefined
  /** Origins of the relays that are asked whether they follow the account. */
  readonly relays: readonly string[]
  /** Of how many blobs the bytes are fetched and hashed, chosen at random; `Infinity` for all. */
  readonly sample: number
  /** CIDs of blobs that the owner has agreed to leave behind. */
  readonly left: readonly string[]
  /** The files `proof-source.car` and `proof-target.car` are written to it. */
  readonly store: ProofStore
  onProgress?(what: 'repository' | 'blobs', done: number, total: number | undefined): void
}

/** Whether a repository could not be had or does not verify, as opposed to a fault of ours. */
const problemOf = (cause: unknown): string | undefined => {
  if (cause instanceof CarError || cause instanceof RepoError) return `${cause.code}: ${cause.message}`
  return cause instanceof XrpcError || cause instanceof OutboundError ? cause.message : undefined
}

const checkRecords = (records: StatedRecords, same: boolean, total: number): Check => {
  if (same) return pass('records', `the same tree on both sides: ${total} records`)
  const { added, changed, goneCount, gone } = records
  const seen = `${records.same} records are the same, ${added} were added on the target, ${changed} changed there, ${goneCount} only the source has`
  if (goneCount === 0) return pass('records', seen)
  return warn(
    'records',
    `${seen}: ${gone.slice(0, 5).join(', ')}${goneCount > 5 ? ' …' : ''}`,
    'if you did not delete them on the target, they are missing there: `pds move` again brings them over',
  )
}

const sampleOf = (deps: MoverDeps, cids: readonly string[], size: number): Set<string> => {
  if (cids.length <= size) return new Set(cids)
  const left = [...cids]
  const chosen = new Set<string>()
  while (chosen.size < size) {
    const random = deps.random(4).reduce((value, byte) => value * 256 + byte, 0)
    for (const cid of left.splice(random % left.length, 1)) chosen.add(cid)
  }
  return chosen
}

/** A server that has just taken a repository in may serve it as it was signed elsewhere, until the next write. */
const checkSigner = ({ repo: { signer } }: FetchedRepo, rev: string, keys: NamedKeys): Check =>
  keys.today.includes(signer)
    ? pass('repository', `revision ${rev}, signed with the key that the DID names`)
    : warn(
        'repository',
        `revision ${rev} is signed with ${signer}, an earlier key of the account`,
        'write something (a post, a like): the target signs with its own key then',
      )

/** The source's repository; undefined with a check that says why, if it cannot be had. */
const readSource = async (deps: MoverDeps, options: ProofOptions, keys: NamedKeys) => {
  const { did, source, store } = options
  const missing =
    'compare while the old server still answers its owner: `pds move` does so before it deactivates the account there'
  if (!source)
    return { check: warn('source', 'the source was not read: nothing was compared with it', missing) }
  try {
    return {
      fetched: await readRepo(deps, source, { did, signingKeys: keys.all, store, file: 'proof-source.car' }),
    }
  } catch (cause) {
    const problem = problemOf(cause)
    if (problem === undefined) throw cause
    return { check: warn('source', `the repository of ${source.origin} was not read: ${problem}`, missing) }
  }
}

const compareSides = (target: FetchedRepo, source: FetchedRepo | undefined) => {
  try {
    return compareRepos(source?.repo.records() ?? [].values(), target.repo.records())
  } catch (cause) {
    const problem = problemOf(cause)
    if (problem === undefined) throw cause
    throw new MoverError('copy-incomplete', `a repository does not verify: ${problem}`, { cause })
  }
}

/**
 * Asks target, source, directory and relays whether the move is complete: the same tree, or what was written since; every
 * blob, asked for one by one; who the DID names; whether its handle resolves and relays follow. It changes nothing. Throws
 * `MoverError` if the target's repository cannot be read or does not verify: then there is nothing to state.
 */
export async function prove(deps: MoverDeps, options: ProofOptions): Promise<Statement> {
  const { did, target, source, relays, sample, store, onProgress } = options
  const { send, check, log, keys, handle } = await readIdentity(deps, did, target.origin)
  if (keys.all.length === 0)
    throw new MoverError('directory-unavailable', `no key of ${did} is known: ${check.seen}`)
  const fetched = await readRepo(deps, target, {
    did,
    signingKeys: keys.all,
    store,
    file: 'proof-target.car',
  }).catch((cause: unknown) => {
    const problem = problemOf(cause)
    if (problem === undefined) throw cause
    throw new MoverError('copy-incomplete', `the repository of ${target.origin}: ${problem}`, { cause })
  })
  try {
    onProgress?.('repository', 1, source ? 2 : 1)
    const original = await readSource(deps, options, keys)
    try {
      const { records, blobs } = compareSides(fetched, original.fetched)
      const referenced = [...blobs]
      const found = await checkBlobs({
        did,
        client: target.client,
        cids: referenced,
        hashed: sampleOf(deps, referenced, sample),
        signal: deps.signal,
        wait: deps.wait,
        onProgress: (done) => onProgress?.('blobs', done, referenced.length),
      })
      const stated = fetched.stated()
      const before = original.fetched?.stated()
      const checks = [
        check,
        checkSigner(fetched, stated.rev, keys),
        original.check ?? checkRecords(records, before?.data === stated.data, stated.records),
        await checkMissing({
          ...options,
          signal: deps.signal,
          wait: deps.wait,
          found,
          referenced: referenced.length,
        }),
        await checkHandle(send, did, handle, deps.dev),
        ...(await Promise.all(relays.map((relay) => checkRelay(send, relay, did, stated)))),
      ]
      return {
        kind: STATEMENT_KIND,
        version: 1,
        did,
        at: new Date(deps.now()).toISOString(),
        complete: checks.every(({ level }) => level !== 'fail'),
        checks,
        ...(before ? { source: before, records } : {}),
        target: stated,
        blobs: {
          referenced: referenced.length,
          present: found.present,
          hashed: found.hashed,
          missing: [...found.problems.keys()].slice(0, MAX_LISTED),
          missingCount: found.problems.size,
        },
        ...(log ? { plcLog: auditLogJson(log) } : {}),
      }
    } finally {
      original.fetched?.close()
    }
  } finally {
    fetched.close()
  }
}
