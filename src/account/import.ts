import { type Cid, decodeCid } from '@atproto/lex-data'
import { fault } from '../fault.ts'
import type { Platform } from '../platform.ts'
import { CarError, readCar } from '../repo/car.ts'
import { CommitError, parseCommit } from '../repo/commit.ts'
import { NodeError } from '../repo/node.ts'
import { Sections } from '../repo/section.ts'
import { nextTid } from '../repo/tid.ts'
import { RepoError, verifyRepo } from '../repo/verify.ts'
import { error } from '../xrpc/errors.ts'
import type { Blobs } from './blobs.ts'
import { type Blocks, cidKey } from './blocks.ts'
import { carOf, type CommitSigner, signCommit } from './commit.ts'
import { type Head, readCounts, writeHead } from './head.ts'
import type { Repo } from './repo.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sql } from './sql.ts'
import { readAccount } from './state.ts'
import { PackWriter, sweep } from './store/packWriter.ts'
import type { Repack } from './store/repack.ts'
import { Staging } from './store/staging.ts'

export interface ImportParts {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep'>
  did: string
  signer: CommitSigner
  blocks: Blocks
  repack: Repack
  blobs: Blobs
  sequencer: Sequencer
  repo: Repo
}

export interface ImportOptions {
  /** One of these `did:key` must have signed the commit: the account's key at the host it comes from, or ours. */
  signingKey: string | readonly string[]
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

// Below the 2 MB of a row, its key and revisions included.
const MAX_BLOCK = 1_900_000
// Records after which others get their turn.
const SLICE = 500
/** An import that has not got on for this long may be ended by whoever waits for it. */
const SILENCE = 60_000
const AHEAD = 5 * 60_000

/** How far an import has come. */
export interface ImportProgress {
  phase: 'receiving' | 'verifying' | 'switching'
  /** Bytes received. */
  bytes: number
  /** Blocks received. */
  blocks: number
  /** Records verified. */
  records: number
}

/** What came, and what was here when it did. */
interface Staged {
  root: Cid
  from: Head | undefined
  made: string
  staging: Staging
}

/** The verified tree, written as a pack that nobody reads yet. */
interface Verified {
  commit: { data: Cid; rev: string }
  writer: PackWriter
  records: number
  /** `cid path`, sorted: only records with blobs cost memory here. */
  references: string[]
  /** Records that several paths hold. */
  repeated: Map<string, { cid: Cid; paths: number }>
}

/**
 * Takes a whole repository in. Its blocks are staged as they come, where no reader sees them; then the tree
 * is verified from the commit down and written as a pack on the way; and one transaction makes that
 * pack the repository. What was here before stays for an hour, for whoever is still reading it.
 */
export class Imports {
  readonly #parts: ImportParts
  #running: symbol | undefined
  /** When the running import last got on, in milliseconds. */
  #movedAt = 0
  #progress: ImportProgress | undefined

  constructor(parts: ImportParts) {
    this.#parts = parts
    this.#empty()
  }

  /** Imports a CAR or changes nothing. A second import ends the first. */
  async car(body: ReadableStream<Uint8Array>, options: ImportOptions): Promise<Imported> {
    const own = Symbol('import')
    this.#running = own
    const check = () => {
      if (this.#running !== own)
        throw error(
          'InvalidRequest',
          'this import was ended: another one has begun, or this one was silent for too long; send it anew',
        )
      this.#movedAt = this.#parts.platform.now()
    }
    this.#movedAt = this.#parts.platform.now()
    this.#empty()
    this.#progress = { phase: 'receiving', bytes: 0, blocks: 0, records: 0 }
    try {
      const staged = await this.#stage(body, options.limit, check)
      fault('import.afterStaged')
      const verified = await this.#verify(staged, options.signingKey, check)
      fault('import.afterVerified')
      const imported = await this.#switch(staged, verified, options.within, check)
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
    if (this.#running === undefined || this.#parts.platform.now() - this.#movedAt < SILENCE) return
    this.#running = undefined
    this.#empty()
  }

  /** Takes away what an import left that did not end. */
  #empty(): void {
    const { sql } = this.#parts
    sql.transaction(() => {
      const { staging } = sql.first<{ staging: string | null }>('SELECT staging FROM account') ?? {}
      if (staging == null) return
      sql.run('DELETE FROM staged')
      sweep(sql)
      sql.run('UPDATE account SET staging = NULL')
    })
  }

  async #stage(
    body: ReadableStream<Uint8Array>,
    limit: number | undefined,
    check: () => void,
  ): Promise<Staged> {
    const { sql, repo, repack, blocks } = this.#parts
    const limits = { section: MAX_BLOCK, ...(limit === undefined ? {} : { total: limit }) }
    const car = await readCar(body, limits)
    const [root, ...others] = car.roots
    if (!root || others.length > 0) {
      await car.cancel()
      throw error('InvalidRequest', `a repository has one root, this CAR has ${car.roots.length}`)
    }
    const staging = new Staging(sql, blocks.seed)
    let begun: Pick<Staged, 'from' | 'made'> | undefined
    for await (const run of car.runs()) {
      check()
      // In its turn: a commit that is being signed comes before.
      begun ??= await repo.exclusive(async () => {
        check()
        const from = repo.head()
        const made = this.#revision(root, run, from)
        // From now on none is begun, and what this import leaves behind is swept away: not half of a pack with it.
        repack.cancel()
        sql.run('UPDATE account SET staging = ?', made)
        return { from, made }
      })
      staging.add(run)
      this.#note({ bytes: run.length, blocks: staging.blocks })
    }
    check()
    if (!begun) throw error('InvalidRequest', 'a CAR without blocks')
    staging.flush()
    return { root, ...begun, staging }
  }

  #note({ bytes = 0, ...now }: Partial<ImportProgress>): void {
    if (this.#progress) this.#progress = { ...this.#progress, ...now, bytes: this.#progress.bytes + bytes }
  }

  /**
   * The revision under which the blocks come in: the commit's own, where it comes first in the CAR and is
   * above ours, so that the blocks are as old as they say; else one of now.
   */
  #revision(root: Cid, run: Uint8Array, from: Head | undefined): string {
    const { repo, platform } = this.#parts
    const first = new Sections(run)
    if (first.next() && decodeCid(run.slice(first.cid, first.block)).equals(root)) {
      const { rev } = parseCommit(run.slice(first.block, first.end))
      if (rev > (from?.rev ?? '') && rev <= nextTid(platform.now() + AHEAD)) return rev
    }
    return repo.nextRev(...(from ? [from.rev] : []))
  }

  async #verify(
    { root, from, made, staging }: Staged,
    signingKey: ImportOptions['signingKey'],
    check: () => void,
  ): Promise<Verified> {
    const { sql, blocks, did, platform } = this.#parts
    const writer = new PackWriter(sql, blocks.seed)
    const age = this.#ageOf(from, made)
    const section = (cid: Cid): Sections | undefined => {
      const staged = staging.section(cid)
      if (staged) return staged
      // Not sent, because it is here: the CAR may be of what is new only.
      const here = blocks.find(cid.bytes)?.section
      if (here) staging.add(here.bytes.subarray(here.start, here.end))
      return here && staging.section(cid)
    }
    const write = (cid: Cid): void => {
      const { bytes, start, cid: at, end } = section(cid) ?? lost(cid)
      writer.add(bytes, start, at, end, age(cid))
    }
    const read = (cid: Cid): Uint8Array | undefined => {
      const found = section(cid)
      return found?.bytes.subarray(found.block, found.end)
    }
    this.#note({ phase: 'verifying' })
    const repo = await verifyRepo({ root, did, signingKey, read, now: platform.now() })
    check()
    const repeated: Verified['repeated'] = new Map()
    const references: string[] = []
    const visit = ({ kind, cid }: { kind: 'node' | 'record'; cid: Cid }): void => {
      const before = staging.see(cid, kind)
      if (before === 'not yet') return write(cid)
      if (before !== kind || kind === 'node')
        throw new RepoError('BadTree', `the block ${cid} stands in the tree twice, as a node`)
      const times = repeated.get(cidKey(cid)) ?? { cid, paths: 1 }
      times.paths++
      repeated.set(cidKey(cid), times)
    }
    visit({ kind: 'node', cid: root })
    for (const { path, blobs } of repo.records(visit)) {
      for (const blob of blobs) references.push(`${blob.cid} ${path}`)
      if (repo.counts.records % SLICE !== 0) continue
      await platform.sleep(0)
      check()
      this.#note({ records: repo.counts.records })
    }
    references.sort()
    return { commit: repo.commit, writer, records: repo.counts.records, references, repeated }
  }

  /** The revision that a block counts from: one that has been in the tree all the time keeps its own. */
  #ageOf(from: Head | undefined, made: string): (cid: Cid) => string {
    const { blocks } = this.#parts
    if (!from) return () => made
    const pack = blocks.packs.current()
    const dropped = blocks.loose.droppedAfter(pack?.loose ?? 0)
    return (cid) => {
      const loose = blocks.loose.find(cid.bytes)
      const recent = loose && loose.n > (pack?.loose ?? 0) ? loose : undefined
      const place = recent ?? (pack && blocks.packs.find(pack, cid.bytes))
      const gone = dropped.get(cidKey(cid)) ?? -1
      return place && gone < place.n ? place.made : made
    }
  }

  #switch(
    { root, from, made }: Staged,
    { commit, writer, records, references, repeated }: Verified,
    within: ImportOptions['within'],
    check: () => void,
  ): Promise<Imported> {
    const { sql, repo, did, signer, sequencer, blocks, platform } = this.#parts
    this.#note({ phase: 'switching', records })
    const count = writer.blocks
    return repo.exclusive(async () => {
      check()
      if (from?.root.equals(root)) {
        this.#empty()
        return { head: from, ...readCounts(sql), changed: false, resigned: false }
      }
      // Relays follow an active account: its commit must be by its own key, and above what they know. Nothing
      // activates or deactivates it in between, for that waits for its turn as well.
      const active = readAccount(sql).stored === 'active'
      const keep = commit.rev === made && !active
      const rev = keep ? made : repo.nextRev(made, commit.rev, ...(from ? [from.rev] : []))
      const signed = keep ? undefined : await signCommit(signer, { did, rev, data: commit.data })
      const head: Head = { root: signed?.cid ?? root, data: commit.data, rev }
      check()
      const take = writer.finish()
      return sequencer.transaction(
        () => {
          const now = repo.head()
          if (from ? !now?.root.equals(from.root) : now)
            throw new Error('the repository moved under an import')
          take({ rev: keep ? rev : made, loose: blocks.loose.last(), at: platform.now() })
          if (signed) blocks.append(rev, platform.now(), [signed], [root])
          blocks.clearPaths(platform.now())
          for (const { cid, paths } of repeated.values()) blocks.setPaths(cid, paths, platform.now())
          fault('import.afterBlocks')
          this.#refer(head, references)
          const before = readCounts(sql)
          writeHead(sql, head, { blocks: count - before.blocks, records: records - before.records })
          sql.run('DELETE FROM staged')
          sql.run('UPDATE account SET staging = NULL')
          // What was there before does not follow from the last commit: consumers fetch the whole anew.
          if (active && signed) sequencer.sync(head.rev, carOf(head.root, [signed]))
          within?.(head)
          return { head, blocks: count, records, changed: true, resigned: signed !== undefined }
        },
        () => blocks.packs.changed(),
      )
    })
  }

  /** The blob references, by merging the new with the old: one that was there keeps the revision that it came with. */
  #refer(head: Head, references: readonly string[]): void {
    const { blobs } = this.#parts
    const old = blobs.references()
    let row = old.next().value
    for (const reference of references) {
      for (; row && `${row.cid} ${row.path}` < reference; row = old.next().value)
        blobs.unrefer(row.path, row.cid)
      if (row && `${row.cid} ${row.path}` === reference) row = old.next().value
      else {
        const space = reference.indexOf(' ')
        blobs.refer(reference.slice(space + 1), reference.slice(0, space), head.rev)
      }
    }
    for (; row; row = old.next().value) blobs.unrefer(row.path, row.cid)
  }
}

const lost = (cid: Cid): never => {
  throw new Error(`the verified block ${cid} is gone`)
}

/** What is wrong with the CAR is the caller's business; anything else is ours. */
const refusal = (cause: unknown): unknown =>
  cause instanceof CarError ||
  cause instanceof RepoError ||
  cause instanceof CommitError ||
  cause instanceof NodeError
    ? error('InvalidRequest', `${cause.code}: ${cause.message}`)
    : cause
