import { fault } from '../../fault.ts'
import { CarError } from '../../repo/carError.ts'
import { CommitError } from '../../repo/commit.ts'
import { NodeError } from '../../repo/treeNode.ts'
import { RepoError } from '../../repo/verifyRepo.ts'
import { WalkError } from '../../repo/treeWalk.ts'
import { error } from '../../xrpc/errors.ts'
import { carOf, signCommit } from '../repo/commit.ts'
import { docsLink } from '../../docsLink.ts'
import type { Course, ImportProgress } from './importProgress.ts'
import type { ImportDeps } from './importDeps.ts'
import { receive } from './receive.ts'
import type { ImportPlan } from './importPlan.ts'
import type { ImportSource } from './verification.ts'
import { readAccount, type Head, readCounts, writeHead, readStaging, setStaging } from '../db/accountRow.ts'
import { sweep } from '../blocks/packWriter.ts'

export interface ImportOptions {
  /** One of these `did:key` must have signed the commit: the account's key at the host it comes from, or ours. */
  signingKey: ImportSource['signingKey']
  /** The most bytes that are taken. */
  limit?: number
  /** Runs inside the transaction that switches. */
  within?: (head: Head) => void
}

export interface Imported {
  head: Head
  blocks: number
  records: number
  /** False where the repository imported is the one that is here. */
  changed: boolean
  /** The tree came in under a revision that is not above ours, so a new commit was signed over it. */
  resigned: boolean
}

/** An import that has not got on for this long may be ended by whoever waits for it. */
const SILENCE = 60_000

/**
 * Takes a whole repository in. What comes is verified from the commit down and written where no reader sees it;
 * then one transaction makes it the repository. What was here before stays for an hour at least, for whoever is
 * still reading it.
 */
export class Imports {
  readonly #deps: ImportDeps
  #running: symbol | undefined
  /** When the running import last got on, in milliseconds. */
  #movedAt = 0
  #progress: ImportProgress | undefined

  constructor(deps: ImportDeps) {
    this.#deps = deps
    this.#empty()
  }

  /** Imports a CAR or changes nothing. A second import ends the first. */
  async car(body: ReadableStream<Uint8Array>, options: ImportOptions): Promise<Imported> {
    const own = Symbol('import')
    this.#running = own
    const check = (): void => {
      if (this.#running !== own)
        throw error(
          'InvalidRequest',
          'this import was ended: another one has begun, or this one was silent for too long; send it anew',
        )
      this.#movedAt = this.#deps.platform.now()
    }
    this.#movedAt = this.#deps.platform.now()
    this.#empty()
    let progress: ImportProgress = { phase: 'receiving', bytes: 0, blocks: 0, records: 0 }
    const note: Course['note'] = (now, received = 0) => {
      progress = { ...progress, ...now, bytes: progress.bytes + received }
      if (this.#running === own) this.#progress = progress
    }
    const course: Course = { check, note }
    note({})
    try {
      const { limit, signingKey, within } = options
      const received = await receive(this.#deps, body, { limit, signingKey, course })
      if (!received) return { ...this.#same(), changed: false, resigned: false }
      fault('import.afterStaged')
      const verified = await received.intake.end()
      fault('import.afterVerified')
      const imported = await this.#switch(received.coming, verified, within, course)
      fault('import.afterSwitch')
      return imported
    } catch (cause) {
      if (this.#running === own) this.#empty()
      throw refusal(cause)
    } finally {
      if (this.#running === own) this.#running = undefined
    }
  }

  /** How far the running import has come, if there is one. */
  get progress(): ImportProgress | undefined {
    return this.#running && this.#progress
  }

  /**
   * Ends an import whose sender has gone silent, so that nothing waits for it. It has changed nothing; the
   * sender, if it comes back, is told to begin anew.
   */
  endStalled(): void {
    if (this.#running === undefined || this.#deps.platform.now() - this.#movedAt < SILENCE) return
    this.#running = undefined
    this.#empty()
  }

  #same(): Pick<Imported, 'head' | 'blocks' | 'records'> {
    const { repo, sql } = this.#deps
    return { head: repo.load(), ...readCounts(sql) }
  }

  /** Takes away what an import left that did not end. */
  #empty(): void {
    const { sql } = this.#deps
    sql.transaction(() => {
      if (readStaging(sql) === undefined) return
      sql.run('DELETE FROM staged')
      sweep(sql)
      setStaging(sql, undefined)
    })
  }

  #switch(
    { root, from, made }: ImportSource,
    { commit, records, prepare }: ImportPlan,
    within: ImportOptions['within'],
    { check, note }: Course,
  ): Promise<Imported> {
    const { sql, repo, did, signer, sequencer, blocks, platform } = this.#deps
    note({ phase: 'switching', records })
    return repo.exclusive(async () => {
      check()
      // Relays follow an active account: its commit must be by its own key, and above what they know. Nothing
      // activates or deactivates it in between, for that waits for its turn as well.
      const active = readAccount(sql).stored === 'active'
      const keep = commit.rev === made && !active
      const rev = keep ? made : repo.nextRev(made, commit.rev, ...(from ? [from.rev] : []))
      const signed = keep ? undefined : await signCommit(signer, { did, rev, data: commit.data })
      const head: Head = { root: signed?.cid ?? root, data: commit.data, rev }
      check()
      const take = prepare()
      return sequencer.transaction(
        () => {
          const now = repo.head()
          if (from ? !now?.root.equals(from.root) : now)
            throw new Error('the repository moved under an import')
          const counts = take()
          // Over the tree that came, with the commit that came: that revision has a tree, too.
          if (signed) blocks.append(rev, platform.now(), [signed], [root])
          fault('import.afterBlocks')
          const before = readCounts(sql)
          writeHead(sql, head, {
            blocks: counts.blocks - before.blocks,
            records: counts.records - before.records,
          })
          sql.run('DELETE FROM staged')
          setStaging(sql, undefined)
          // What was there before does not follow from the last commit: consumers fetch the whole anew.
          if (active && signed) sequencer.sync(head.rev, carOf(head.root, [signed]))
          within?.(head)
          return { head, ...counts, changed: true, resigned: signed !== undefined }
        },
        () => blocks.packs.changed(),
      )
    })
  }
}

/** What is wrong with the CAR is the caller's business; anything else is ours. */
const refusal = (cause: unknown): unknown =>
  cause instanceof CarError ||
  cause instanceof RepoError ||
  cause instanceof CommitError ||
  cause instanceof NodeError ||
  cause instanceof WalkError
    ? error('InvalidRequest', `${cause.code}: ${cause.message}. ${docsLink('repository-refused')}`)
    : cause
