import type { Cid } from '@atproto/lex-data'
import { MST } from '@atproto/repo'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import { nextTid } from '../../repo/tid.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Blocks } from '../blocks/blocks.ts'
import { carOf, type CommitSigner, nextTree, signCommit } from './commit.ts'
import { type SignedChange, commitEvent } from './commitEvent.ts'
import { storeChange } from './treeChange.ts'
import { docsLink } from '../../docsLink.ts'
import type { Records } from './records.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, stateOf, type Head, readHead, writeHead, readStaging } from '../db/accountRow.ts'
import { requireBlobs } from './requireBlobs.ts'
import { type RepoWrite, type WriteResult, Writes } from './writes.ts'

export type { RepoWrite, WriteResult } from './writes.ts'

export interface CommitResult {
  /** Undefined where the writes changed nothing. */
  commit: { cid: Cid; rev: string } | undefined
  results: WriteResult[]
}

export interface CommitOptions {
  /** The commit that must be the latest. */
  swapCommit?: Cid | null
  /** Runs inside the transaction, after the head has moved. */
  within?: (head: Head) => void
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
  /** Lets go of an import whose sender has gone silent. */
  endStalledImport(): void
}

// A tree in memory keeps every node it ever read: start afresh before that grows large.
const COMMITS_PER_TREE = 200

/** The repository: writes, one after the other, each one transaction. */
export class Repo {
  readonly #deps: RepoDeps
  readonly #writes: Writes
  #queue: Promise<unknown> = Promise.resolve()
  #loaded: { head: Head; tree: MST; age: number } | undefined

  constructor(deps: RepoDeps) {
    this.#deps = deps
    this.#writes = new Writes(deps)
  }

  /** Where the repository stands; undefined before `create` or an import. */
  head(): Head | undefined {
    return readHead(this.#deps.sql)
  }

  /** Where the repository stands, or `RepoNotFound`. */
  load(): Head {
    const head = this.head()
    if (!head) throw new XrpcError('RepoNotFound', `no repository of ${this.#deps.did} here yet`)
    return head
  }

  /** Runs alone: no other commit, signature or import's switch in between. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(work, work)
    this.#queue = run.catch(() => {})
    return run
  }

  /** An empty repository, if there is none. It makes no event: activation announces it. */
  create(): Promise<Head> {
    return this.exclusive(async () => {
      const known = this.head()
      if (known) return known
      this.#mustNotBeImporting()
      const { blocks, did, signer, platform } = this.#deps
      const tree = await MST.create(blocks)
      const { cid: data, bytes } = await tree.serialize()
      const rev = this.nextRev()
      const commit = await signCommit(signer, { did, rev, data })
      const head = { root: commit.cid, data, rev }
      return this.#move(undefined, head, () => {
        blocks.append(rev, platform.now(), [commit, { cid: data, bytes }], [])
        writeHead(this.#deps.sql, head, { blocks: 2, records: 0 })
      })
    })
  }

  /**
   * Applies writes as one commit. A function is called when it is the commit's turn, so that what
   * it reads cannot change before it is written.
   */
  commit(
    writes: readonly RepoWrite[] | (() => readonly RepoWrite[]),
    options: CommitOptions = {},
  ): Promise<CommitResult> {
    return this.exclusive(async () => {
      this.#mustBeOpen()
      const { head, tree } = this.#current()
      const { swapCommit } = options
      if (swapCommit !== undefined && !swapCommit?.equals(head.root)) {
        throw new XrpcError('InvalidSwap', `the latest commit is ${head.root}, not ${swapCommit}`)
      }
      const { results, ops } = this.#writes.resolve(typeof writes === 'function' ? writes() : writes)
      if (ops.length === 0) return { commit: undefined, results }

      const { blocks, did, signer } = this.#deps
      const next = await nextTree(tree, ops, blocks)
      const rev = this.nextRev(head.rev)
      const commit = await signCommit(signer, { did, rev, data: next.data })
      const event = commitEvent(head, { ops, next, commit, rev })
      for (const { refs } of ops) requireBlobs(refs, this.#deps.blobs)
      fault('commit.beforeTransaction')
      const to = { root: commit.cid, data: next.data, rev }
      this.#move(
        head,
        to,
        () => {
          const added = this.#store(head, { ops, next, commit, rev })
          this.#deps.sequencer.append('commit', event, rev)
          fault('commit.afterEvent')
          writeHead(this.#deps.sql, to, added)
          options.within?.(to)
        },
        next.tree,
      )
      fault('commit.afterTransaction')
      return { commit: { cid: commit.cid, rev }, results }
    })
  }

  /** Signs the same tree anew: after a key change or on moving in. `within` appends the events that say so. */
  resign(
    options: { signer?: CommitSigner; within?: (head: Head, commitCar: Uint8Array) => void } = {},
  ): Promise<Head> {
    return this.exclusive(async () => {
      const { head, tree } = this.#current()
      const { blocks, did, platform, sql } = this.#deps
      const rev = this.nextRev(head.rev)
      const commit = await signCommit(options.signer ?? this.#deps.signer, { did, rev, data: head.data })
      const to = { ...head, root: commit.cid, rev }
      fault('commit.beforeTransaction')
      return this.#move(
        head,
        to,
        () => {
          blocks.append(rev, platform.now(), [commit], [head.root])
          writeHead(sql, to, { blocks: 0, records: 0 })
          options.within?.(to, carOf(commit.cid, [commit]))
        },
        tree,
      )
    })
  }

  /** A CAR of the latest commit alone: the `blocks` of `#sync`. */
  commitCar(): Uint8Array {
    const { root } = this.load()
    const bytes = this.#deps.blocks.read(root)
    if (!bytes) throw new Error(`the commit ${root} has no block`)
    return carOf(root, [{ cid: root, bytes }])
  }

  /** A revision of now, above these. */
  nextRev(...above: string[]): string {
    const last = above.toSorted().at(-1)
    return nextTid(this.#deps.platform.now(), last)
  }

  /** In its turn: no commit follows a deactivation or a move, also where the request was let in before it. */
  #mustBeOpen(): void {
    const state = stateOf(readAccount(this.#deps.sql))
    if (state === 'deactivated' || state === 'moved')
      throw error(
        'AccountDeactivated',
        `the account takes no writes: it was ${state} while this request was under way. ${docsLink(`account-${state}`)}`,
      )
  }

  /** An import replaces what is here: nothing may come in between. One whose sender has gone silent is let go. */
  #mustNotBeImporting(): void {
    const { sql } = this.#deps
    const importing = () => readStaging(sql) !== undefined
    if (importing()) this.#deps.endStalledImport()
    if (importing())
      throw error('InvalidRequest', 'a repository is being imported: try again when that has ended')
  }

  /** The head and its tree, read again where memory and storage differ (a fault may lie between them). */
  #current(): { head: Head; tree: MST } {
    const head = this.load()
    const { blocks } = this.#deps
    this.#mustNotBeImporting()
    if (!this.#loaded?.head.root.equals(head.root) || this.#loaded.age >= COMMITS_PER_TREE) {
      this.#loaded = { head, tree: MST.load(blocks, head.data), age: 0 }
    }
    return this.#loaded
  }

  /** One transaction from one head to the next; then the tree in memory, then the events. */
  #move(from: Head | undefined, to: Head, work: () => void, tree?: MST): Head {
    return this.#deps.sequencer.transaction(
      () => {
        const stored = this.head()
        if (from ? !stored?.root.equals(from.root) : stored)
          throw new Error('the repository moved under a commit')
        work()
        return to
      },
      () => {
        this.#loaded = tree && { head: to, tree, age: (this.#loaded?.age ?? 0) + 1 }
      },
    )
  }

  /** Writes what the commit changes. */
  #store(head: Head, { ops, next, commit, rev }: SignedChange): { blocks: number; records: number } {
    const added = [commit, ...next.newNodes]
    return storeChange(this.#deps, { rev, ops, added, dropped: [head.root, ...next.droppedNodes] })
  }
}
