import type { Cid } from '@atproto/lex-data'
import { MST } from '@atproto/repo'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import { cborCid } from '../../repo/cid.ts'
import { nextTid } from '../../repo/tid.ts'
import { encodeNode } from '../../repo/tree/encodeNode.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Blocks } from '../blocks/blocks.ts'
import { carOf } from './carOf.ts'
import { commitEvent } from './commits/commitEvent.ts'
import { nextTree } from './commits/nextTree.ts'
import { NodeStore } from './commits/nodeStore.ts'
import { requireBlobs } from './commits/requireBlobs.ts'
import { type RepoWrite, resolveWrites, type WriteResult } from './commits/resolveWrites.ts'
import { type CommitSigner, signCommit } from './commits/signCommit.ts'
import { storeCommit } from './commits/storeCommit.ts'
import { docsLink } from '../../docsLink.ts'
import type { Records } from './records.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, stateOf, readRevFloor } from '../db/accountRow.ts'
import { type Head, readHead, writeHead, readStaging } from '../db/head.ts'

export type { RepoWrite, WriteResult } from './commits/resolveWrites.ts'

/** The repository's head, and what changes it: one change after the other, each in one transaction. */
export interface Repo {
  /** Root, tree and revision of the latest commit; undefined before `create` or an import. */
  head(): Head | undefined
  /** The same, or throws `RepoNotFound`. */
  requireHead(): Head
  /** Runs `work` alone: no commit, no new signature and no switch to an imported tree happens meanwhile. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
  /** Makes an empty repository, if there is none. It appends no event: activation announces the repository. */
  create(): Promise<Head>
  /**
   * Applies writes as one commit. A function is called when it is the commit's turn, so that what it reads cannot change
   * before the commit is written.
   */
  commit(
    writes: readonly RepoWrite[] | (() => readonly RepoWrite[]),
    options?: CommitOptions,
  ): Promise<CommitResult>
  /** Signs the same tree again: after a key change or on moving in. `within` appends the events that say so. */
  signAgain(options?: SignAgainOptions): Promise<Head>
  /** A CAR of the latest commit only: the `blocks` of `#sync`. */
  commitCar(): Uint8Array
  /** A new revision: the time now, or just above the highest of `above` and the account's floor if that is later. */
  nextRev(...above: string[]): string
}

export interface CommitResult {
  /** Undefined where the writes change nothing: then there is no commit. */
  commit: { cid: Cid; rev: string } | undefined
  results: WriteResult[]
}

export interface CommitOptions {
  /** The commit that must be the latest; null never matches. */
  swapCommit?: Cid | null
  /** Runs inside the transaction, after the new head is written. */
  within?: (head: Head) => void
}

export interface SignAgainOptions {
  /** Signs instead of the account's signer. */
  signer?: CommitSigner
  /** Runs first, while nothing else changes the repository. If it gives false, nothing is signed. */
  before?: () => Promise<boolean>
  /** Runs inside the transaction. `commitCar` has the new commit only. */
  within?: (head: Head, commitCar: Uint8Array) => void
}

export interface RepoDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
  signer: CommitSigner
  blocks: Blocks
  records: Records
  blobs: Blobs
  sequencer: Sequencer
  /** Ends an import whose sender has gone silent. */
  endStalledImport(): void
}

/** A tree in memory keeps every node that it has read: after this many commits it is loaded again, to free them. */
const COMMITS_PER_TREE = 200

export const createRepo = (deps: RepoDeps): Repo => {
  const { sql, platform, did, signer, blocks, sequencer } = deps
  const nodes = new NodeStore((cid) => blocks.read(cid))
  let queue: Promise<unknown> = Promise.resolve()
  let loaded: { head: Head; tree: MST; commits: number } | undefined

  const head = (): Head | undefined => readHead(sql)

  const requireHead = (): Head => {
    const latest = head()
    if (!latest) throw new XrpcError('RepoNotFound', `no repository of ${did} here yet`)
    return latest
  }

  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const run = queue.then(work, work)
    queue = run.catch(() => {})
    return run
  }

  const nextRev = (...above: string[]): string =>
    nextTid(platform.now(), [...above, readRevFloor(sql) ?? ''].toSorted().at(-1) || undefined)

  /**
   * Checked when it is the commit's turn: no commit follows a deactivation or a move of the account, even if its request
   * was admitted before that.
   */
  const mustBeOpen = (): void => {
    const state = stateOf(readAccount(sql))
    if (state === 'deactivated' || state === 'moved' || state === 'deleted')
      throw error(
        'AccountDeactivated',
        `the account takes no writes: it was ${state} while this request was under way. ${docsLink(`account-${state}`)}`,
      )
  }

  /** An import replaces the repository: nothing may be written meanwhile. One whose sender has gone silent is ended. */
  const mustNotBeImporting = (): void => {
    const isImporting = () => readStaging(sql) !== undefined
    if (isImporting()) deps.endStalledImport()
    if (isImporting())
      throw error('InvalidRequest', 'a repository is being imported: try again when that has ended')
  }

  /** The head and its tree, loaded again where memory and storage differ: after a failure, or after an import. */
  const current = (): { head: Head; tree: MST } => {
    const latest = requireHead()
    mustNotBeImporting()
    if (!loaded?.head.root.equals(latest.root) || loaded.commits >= COMMITS_PER_TREE)
      loaded = { head: latest, tree: MST.load(nodes, latest.data), commits: 0 }
    return loaded
  }

  /** One transaction from one head to the next; once it is committed, the tree in memory follows, then the events. */
  const advanceHead = (from: Head | undefined, to: Head, work: () => void, tree?: MST): Head =>
    sequencer.transaction(
      () => {
        const stored = head()
        if (from ? !stored?.root.equals(from.root) : stored)
          throw new Error('the head changed while a commit was made')
        work()
        return to
      },
      () => {
        loaded = tree && { head: to, tree, commits: (loaded?.commits ?? 0) + 1 }
      },
    )

  const create = (): Promise<Head> =>
    exclusive(async () => {
      const known = head()
      if (known) return known
      mustNotBeImporting()
      const emptyNode = encodeNode({ left: null, entries: [] })
      const data = cborCid(emptyNode)
      const rev = nextRev()
      const commit = await signCommit(signer, { did, rev, data })
      const to = { root: commit.cid, data, rev }
      return advanceHead(undefined, to, () => {
        blocks.append(rev, platform.now(), [commit, { cid: data, bytes: emptyNode }], [])
        writeHead(sql, to, { blocks: 2, records: 0 })
      })
    })

  const commit: Repo['commit'] = (writes, { swapCommit, within } = {}) =>
    exclusive(async () => {
      mustBeOpen()
      const { head: from, tree } = current()
      if (swapCommit !== undefined && !swapCommit?.equals(from.root))
        throw new XrpcError('InvalidSwap', `the latest commit is ${from.root}, not ${swapCommit}`)
      const { results, ops } = resolveWrites(deps, typeof writes === 'function' ? writes() : writes)
      if (ops.length === 0) return { commit: undefined, results }

      const next = await nextTree(tree, ops, blocks)
      const rev = nextRev(from.rev)
      const signed = await signCommit(signer, { did, rev, data: next.data })
      // Nothing is awaited from here on, so that what is checked here still holds in the transaction.
      const event = commitEvent(from, { ops, next, commit: signed, rev })
      for (const { newRefs } of ops) requireBlobs(newRefs, deps.blobs)
      fault('commit.beforeTransaction')
      const to = { root: signed.cid, data: next.data, rev }
      advanceHead(
        from,
        to,
        () => {
          const counts = storeCommit(deps, {
            rev,
            ops,
            addedNodes: [signed, ...next.newNodes],
            droppedNodes: [from.root, ...next.droppedNodes],
          })
          sequencer.append('commit', event, rev)
          fault('commit.afterEvent')
          writeHead(sql, to, counts)
          within?.(to)
        },
        next.tree,
      )
      fault('commit.afterTransaction')
      return { commit: { cid: signed.cid, rev }, results }
    })

  const signAgain = (options: SignAgainOptions = {}): Promise<Head> =>
    exclusive(async () => {
      const { head: from, tree } = current()
      if (options.before && !(await options.before())) return from
      const rev = nextRev(from.rev)
      const signed = await signCommit(options.signer ?? signer, { did, rev, data: from.data })
      const to = { ...from, root: signed.cid, rev }
      fault('commit.beforeTransaction')
      return advanceHead(
        from,
        to,
        () => {
          blocks.append(rev, platform.now(), [signed], [from.root])
          writeHead(sql, to, { blocks: 0, records: 0 })
          options.within?.(to, carOf(signed.cid, [signed]))
        },
        tree,
      )
    })

  const commitCar = (): Uint8Array => {
    const { root } = requireHead()
    const bytes = blocks.read(root)
    if (!bytes) throw new Error(`the commit ${root} has no block`)
    return carOf(root, [{ cid: root, bytes }])
  }

  return { head, requireHead, exclusive, create, commit, signAgain, commitCar, nextRev }
}
