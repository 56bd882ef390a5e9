import { docsLink } from '../../docsLink.ts'
import { fault } from '../../fault.ts'
import { CarError } from '../../repo/car/carError.ts'
import { CommitError } from '../../repo/commit.ts'
import { NodeError } from '../../repo/tree/treeNode.ts'
import { WalkError } from '../../repo/tree/treeWalk.ts'
import { RepoError } from '../../repo/verifyRepo.ts'
import { error } from '../../xrpc/errors.ts'
import { deleteUnfinishedPack } from '../blocks/packs/packWriter.ts'
import { readAccount } from '../db/accountRow.ts'
import { type Head, readCounts, writeHead, readStaging, setStaging } from '../db/head.ts'
import { carOf } from '../repo/carOf.ts'
import { signCommit } from '../repo/commits/signCommit.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportPlan } from './importPlan.ts'
import type { ImportMonitor, ImportProgress } from './importProgress.ts'
import { receive } from './receive.ts'
import type { ImportSource } from './verification.ts'

/** What an import must satisfy, and what else is done with it. */
export interface ImportOptions {
  /** One of these `did:key` must have signed the commit: the account's key at the host it comes from, or ours. */
  signingKey: ImportSource['signingKey']
  /** How many bytes are accepted. */
  limit?: number
  /** Runs inside the transaction that switches. */
  within?: (head: Head) => void
}

/** The result of an import. */
export interface Imported {
  head: Head
  blocks: number
  records: number
  /** False where the imported repository is the one that is here. */
  changed: boolean
  /** Whether a new commit was signed over the tree, because its revision was not above ours, or we are active. */
  resigned: boolean
}

/**
 * Takes in a whole repository. It is verified from the commit down, and written where no reader sees it; then one
 * transaction makes it the repository. What was here before is kept for an hour at least, for those who are still
 * reading it.
 */
export interface Imports {
  /** Imports a CAR, or changes nothing. A second import ends the first. */
  car(body: ReadableStream<Uint8Array>, options: ImportOptions): Promise<Imported>
  /** How far the running import is, if there is one. */
  readonly progress: ImportProgress | undefined
  /**
   * Ends an import that has made no progress for a minute, so that nothing waits for it. It has changed nothing; its
   * sender, if it goes on, is told to begin again.
   */
  endStalled(): void
}

/** After this time without progress an import may be ended by what waits for it. */
const IMPORT_STALL_MS = 60_000

/** The import that is running. */
interface RunningImport {
  /** When it last made progress, in milliseconds. */
  movedAt: number
  progress: ImportProgress
}

/** Creates the imports of an account, and deletes what an unfinished one left. */
export const createImports = (deps: ImportDeps): Imports => {
  const { sql, platform } = deps
  let running: RunningImport | undefined

  /** Deletes what an unfinished import left. */
  const deleteUnfinished = (): void =>
    sql.unguarded(() =>
      sql.transaction(() => {
        if (readStaging(sql) === undefined) return
        sql.run('DELETE FROM staged')
        deleteUnfinishedPack(sql)
        setStaging(sql, undefined)
      }),
    )

  const monitorOf = (run: RunningImport): ImportMonitor => ({
    assertRunning: () => {
      if (running !== run)
        throw error(
          'InvalidRequest',
          'this import was ended: another one has begun, or this one was silent for too long; send it again',
        )
      // Nobody can write while it runs: a request that may no longer import must not prolong it.
      sql.assertGuard()
      run.movedAt = platform.now()
    },
    report: (progress, receivedBytes = 0) => {
      run.progress = { ...run.progress, ...progress, bytes: run.progress.bytes + receivedBytes }
    },
  })

  deleteUnfinished()
  return {
    async car(body, { limit, signingKey, within }) {
      const run: RunningImport = {
        movedAt: platform.now(),
        progress: { phase: 'receiving', bytes: 0, blocks: 0, records: 0 },
      }
      running = run
      deleteUnfinished()
      const monitor = monitorOf(run)
      try {
        const received = await receive(deps, body, { limit, signingKey, monitor })
        if (!received)
          return { head: deps.repo.requireHead(), ...readCounts(sql), changed: false, resigned: false }
        fault('import.afterStaged')
        const plan = await received.receiver.end()
        fault('import.afterVerified')
        const imported = await switchTo(deps, { source: received.source, plan, within, monitor })
        fault('import.afterSwitch')
        return imported
      } catch (cause) {
        if (running === run) deleteUnfinished()
        throw refusal(cause)
      } finally {
        if (running === run) running = undefined
      }
    },
    get progress() {
      return running?.progress
    },
    endStalled() {
      if (running === undefined || platform.now() - running.movedAt < IMPORT_STALL_MS) return
      running = undefined
      deleteUnfinished()
    },
  }
}

/** Makes what was imported the repository, in one transaction. */
const switchTo = (
  { sql, repo, did, signer, sequencer, blocks, platform }: ImportDeps,
  options: {
    source: ImportSource
    plan: ImportPlan
    within: ImportOptions['within']
    monitor: ImportMonitor
  },
): Promise<Imported> => {
  const { source, plan, within, monitor } = options
  const { root, current, rev: addedIn } = source
  const { commit } = plan
  monitor.report({ phase: 'switching', records: plan.records })
  return repo.exclusive(async () => {
    monitor.assertRunning()
    // Relays follow an active account: its commit must be by its own key, and above what they know. Nothing
    // activates or deactivates it in between, because that waits for its turn as well.
    const active = readAccount(sql).storedState === 'active'
    const keep = commit.rev === addedIn && !active
    const rev = keep ? addedIn : repo.nextRev(addedIn, commit.rev, ...(current ? [current.rev] : []))
    const signed = keep ? undefined : await signCommit(signer, { did, rev, data: commit.data })
    const head: Head = { root: signed?.cid ?? root, data: commit.data, rev }
    monitor.assertRunning()
    plan.prepare()
    return sequencer.transaction(
      () => {
        const now = repo.head()
        if (current ? !now?.root.equals(current.root) : now)
          throw new Error('the repository was changed during an import')
        const counts = plan.apply()
        // Over the tree with the commit that was imported: that revision has a tree, too.
        if (signed) blocks.append(rev, platform.now(), [signed], [root])
        fault('import.afterBlocks')
        const before = readCounts(sql)
        writeHead(sql, head, {
          blocks: counts.blocks - before.blocks,
          records: counts.records - before.records,
        })
        sql.run('DELETE FROM staged')
        setStaging(sql, undefined)
        // The last commit does not lead from what was here to this: consumers must fetch the whole repository again.
        if (active && signed) sequencer.appendSync(head.rev, carOf(head.root, [signed]))
        within?.(head)
        return { head, ...counts, changed: true, resigned: signed !== undefined }
      },
      () => blocks.packs.changed(),
    )
  })
}

/** An error in the CAR is the client's, and named as such; any other is ours. */
const refusal = (cause: unknown): unknown =>
  cause instanceof CarError ||
  cause instanceof RepoError ||
  cause instanceof CommitError ||
  cause instanceof NodeError ||
  cause instanceof WalkError
    ? error('InvalidRequest', `${cause.code}: ${cause.message}. ${docsLink('repository-refused')}`)
    : cause
