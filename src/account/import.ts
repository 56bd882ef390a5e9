import type { Cid } from '@atproto/lex-data'
import { fault } from '../fault.ts'
import type { Platform } from '../platform.ts'
import { type CarBlock, CarError, readCar } from '../repo/car.ts'
import { CommitError, parseCommit } from '../repo/commit.ts'
import { NodeError, parseNode } from '../repo/node.ts'
import { nextTid } from '../repo/tid.ts'
import { RepoError, verifyRepo } from '../repo/verify.ts'
import { error } from '../xrpc/errors.ts'
import type { Blobs } from './blobs.ts'
import { type Blocks, cidKey } from './blocks.ts'
import { type Block, carOf, type CommitSigner, signCommit } from './commit.ts'
import { DigestSet } from './digestSet.ts'
import { type Head, readCounts, writeHead } from './head.ts'
import type { Records } from './records.ts'
import type { Repo } from './repo.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sql } from './sql.ts'
import { readAccount } from './state.ts'

export interface ImportParts {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
  signer: CommitSigner
  blocks: Blocks
  records: Records
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
// SQLite takes a hundred parameters: one for the revision, two for each block.
const PER_INSERT = 49
/** An import that has not got on for this long may be ended by whoever waits for it. */
const SILENCE = 60_000
const AHEAD = 5 * 60_000

/** What was seen on the way through the verified tree. */
interface Verified {
  commit: { data: Cid; rev: string }
  reached: DigestSet
  records: number
  /** `cid path`, sorted: only records with blobs cost memory here. */
  references: string[]
}

/**
 * Takes a whole repository in. Its blocks are staged in their table under a revision above the
 * head's, where no reader sees them; verified; and then one transaction moves the head to them and
 * drops what is no longer reached. A block that is here already is not written again.
 */
export class Imports {
  readonly #parts: ImportParts
  #running: symbol | undefined
  /** When the running import last got on, in milliseconds. */
  #movedAt = 0

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
    try {
      const staged = await this.#stage(body, options.limit, check)
      fault('import.afterStaged')
      const verified = await this.#verify(staged.root, options.signingKey, check)
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
      sql.run('DELETE FROM block WHERE made = ?', staging)
      sql.run('UPDATE account SET staging = NULL')
    })
  }

  async #stage(body: ReadableStream<Uint8Array>, limit: number | undefined, check: () => void) {
    const { sql, repo, blocks } = this.#parts
    const limits = { section: MAX_BLOCK, ...(limit === undefined ? {} : { total: limit }) }
    const car = await readCar(body, limits)
    const [root, ...others] = car.roots
    if (!root || others.length > 0) {
      await car.cancel()
      throw error('InvalidRequest', `a repository has one root, this CAR has ${car.roots.length}`)
    }
    const from = repo.head()
    let made: string | undefined
    let count = 0
    for await (const batch of car.batches()) {
      check()
      made ??= this.#revision(root, batch, from)
      const rev = made
      const current = blocks.current(batch.map(({ cid }) => cid))
      const fresh = batch.filter(({ cid }) => !current.has(cidKey(cid)))
      sql.transaction(() => {
        if (count === 0) sql.run('UPDATE account SET staging = ?', rev)
        for (let i = 0; i < fresh.length; i += PER_INSERT) {
          const part = fresh.slice(i, i + PER_INSERT)
          sql.run(
            `INSERT INTO block (made, cid, bytes) VALUES ${part.map(() => '(?1, ?, ?)').join()} ON CONFLICT DO NOTHING`,
            rev,
            ...part.flatMap(({ cid, bytes }) => [cid.bytes, bytes]),
          )
        }
      })
      count += batch.length
    }
    check()
    if (made === undefined) throw error('InvalidRequest', 'a CAR without blocks')
    return { root, from, made }
  }

  /**
   * The revision to stage under: the commit's own, where it comes first in the CAR and is above
   * ours, so that the blocks are as old as they say; else one of now.
   */
  #revision(root: Cid, batch: readonly CarBlock[], from: Head | undefined): string {
    const { repo, platform } = this.#parts
    const [first] = batch
    if (first?.cid.equals(root)) {
      const { rev } = parseCommit(first.bytes)
      if (rev > (from?.rev ?? '') && rev <= nextTid(platform.now() + AHEAD)) return rev
    }
    return repo.nextRev(...(from ? [from.rev] : []))
  }

  async #verify(root: Cid, signingKey: ImportOptions['signingKey'], check: () => void): Promise<Verified> {
    const { blocks, did, platform } = this.#parts
    const reached = new DigestSet()
    // Whatever the walk asks for is part of the tree; the commit counts when it is known which it is.
    const getMany = (cids: readonly Cid[]) => {
      check()
      for (const cid of cids) if (!cid.equals(root)) reached.add(cid)
      return blocks.readSome(cids, true)
    }
    const repo = await verifyRepo({ root, did, signingKey, getMany, now: platform.now() })
    const references: string[] = []
    for await (const { path, blobs } of repo.records()) {
      for (const blob of blobs) references.push(`${blob.cid} ${path}`)
    }
    references.sort()
    return { commit: repo.commit, reached, records: repo.counts.records, references }
  }

  #switch(
    staged: { root: Cid; from: Head | undefined; made: string },
    verified: Verified,
    within: ImportOptions['within'],
    check: () => void,
  ): Promise<Imported> {
    const { sql, repo, did, signer, sequencer } = this.#parts
    const { root, from, made } = staged
    const { commit, reached, records } = verified
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
      return sequencer.transaction(() => {
        const now = repo.head()
        if (from ? !now?.root.equals(from.root) : now) throw new Error('the repository moved under an import')
        this.#settle(made, head, signed, reached)
        fault('import.afterBlocks')
        this.#index(head)
        this.#refer(head, verified.references)
        const before = readCounts(sql)
        const count = reached.size
        writeHead(sql, head, { blocks: count - before.blocks, records: records - before.records })
        sql.run('UPDATE account SET staging = NULL')
        // What was there before does not follow from the last commit: consumers fetch the whole anew.
        if (active && signed) sequencer.sync(head.rev, carOf(head.root, [signed]))
        within?.(head)
        return { head, blocks: count, records, changed: true, resigned: signed !== undefined }
      })
    })
  }

  /** Staged blocks that are not reached go, current ones that are no longer reached are dropped. */
  #settle(made: string, head: Head, signed: Block | undefined, reached: DigestSet): void {
    const { blocks, platform, sql } = this.#parts
    reached.add(head.root)
    if (signed) blocks.insert(signed.cid, signed.bytes, head.rev)
    const { staged, current } = blocks.unreached(made, reached)
    for (const cid of staged) sql.run('DELETE FROM block WHERE cid = ? AND made = ?', cid.bytes, made)
    blocks.drop(current, head.rev, platform.now())
  }

  /** The record index, by merging the new tree with the old index: what is equal is not written. */
  #index(head: Head): void {
    const { records, blocks } = this.#parts
    const old = records.entries()
    let row = old.next().value
    for (const { key, value } of leaves(blocks, head.data)) {
      for (; row && row.path < key; row = old.next().value) records.delete(row.path)
      if (row?.path === key) {
        if (!row.cid.equals(value)) records.put(key, value, head.rev)
        row = old.next().value
      } else records.put(key, value, head.rev)
    }
    for (; row; row = old.next().value) records.delete(row.path)
  }

  /** The blob references, likewise: one that was there keeps the revision that it came with. */
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

/** The entries of a verified tree in order, without awaiting: it runs inside a transaction. */
function* leaves(blocks: Blocks, root: Cid): Generator<{ key: string; value: Cid }> {
  const stack: (Cid | { key: string; value: Cid })[] = [root]
  for (let next = stack.pop(); next; next = stack.pop()) {
    if ('key' in next) {
      yield next
      continue
    }
    const block = blocks.read(next)
    if (!block) throw new Error(`the verified node ${next} is gone`)
    const { left, entries } = parseNode(block)
    for (const { key, value, right } of entries.toReversed()) {
      if (right) stack.push(right)
      stack.push({ key, value })
    }
    if (left) stack.push(left)
  }
}

/** What is wrong with the CAR is the caller's business; anything else is ours. */
const refusal = (cause: unknown): unknown =>
  cause instanceof CarError ||
  cause instanceof RepoError ||
  cause instanceof CommitError ||
  cause instanceof NodeError
    ? error('InvalidRequest', `${cause.code}: ${cause.message}`)
    : cause
