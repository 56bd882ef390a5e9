import type { Cid } from '@atproto/lex-data'
import { decodeCid } from '@atproto/lex-data'
import type { Platform } from '../platform.ts'
import { type CarBlock, carStream } from '../repo/car-write.ts'
import { parseNode } from '../repo/node.ts'
import { isTid } from '../repo/tid.ts'
import { walk } from '../repo/walk.ts'
import { error } from '../xrpc/errors.ts'
import { type Blocks, cidKey } from './blocks.ts'
import { type Block, carOf } from './commit.ts'
import { DigestSet } from './digestSet.ts'
import type { Head } from './head.ts'
import type { Repo } from './repo.ts'
import { bytes, hexList, type Sql } from './sql.ts'

interface Pin {
  rev: string
  touched: number
}

// An export that nobody has read from for this long no longer holds anything back.
const ABANDONED = 3600_000
/**
 * Bytes that exports may hold in advance: of one, and of all together. Anybody may begin as many as he likes and
 * read none of them, and each must cost little.
 */
const AHEAD = { least: 32 * 1024, most: 1024 * 1024, all: 8 * 1024 * 1024 }

export interface ExportParts {
  sql: Sql
  platform: Pick<Platform, 'now'>
  blocks: Blocks
  repo: Pick<Repo, 'load'>
}

/** What leaves: the whole tree of one commit, what is new in it, or proofs out of it. */
export class Exports {
  readonly #parts: ExportParts
  readonly #pins = new Set<Pin>()

  constructor(parts: ExportParts) {
    this.#parts = parts
  }

  /**
   * The repository as a CAR: the commit, then the tree depth first, exactly as the head is now,
   * whatever is written while it streams. With `since`, exactly the blocks that came after that
   * revision. Nothing is read before the stream is.
   */
  repo(options: { since?: string } = {}): ReadableStream<Uint8Array> {
    const { since } = options
    if (since !== undefined && !isTid(since)) throw error('InvalidRequest', 'since must be a revision')
    const head = this.#parts.repo.load()
    const pin: Pin = { rev: head.rev, touched: this.#parts.platform.now() }
    this.#pins.add(pin)
    const blocks = since === undefined ? this.#whole(head) : this.#newer(head, since)
    return carStream(head.root, this.#pinned(pin, blocks))
  }

  /** Holds the revision until the stream has ended, failed or been left, also before its first read. */
  #pinned(pin: Pin, blocks: AsyncGenerator<CarBlock>): AsyncIterable<CarBlock> {
    const release = () => this.#pins.delete(pin)
    const { platform } = this.#parts
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          pin.touched = platform.now()
          try {
            const next = await blocks.next()
            if (next.done) release()
            return next
          } catch (cause) {
            release()
            throw cause
          }
        },
        return: async () => {
          release()
          return blocks.return(undefined)
        },
      }),
    }
  }

  /** The oldest revision that a running export still reads. */
  oldest(): string | undefined {
    const now = this.#parts.platform.now()
    let oldest: string | undefined
    for (const pin of this.#pins) {
      if (now - pin.touched > ABANDONED) this.#pins.delete(pin)
      else if (oldest === undefined || pin.rev < oldest) oldest = pin.rev
    }
    return oldest
  }

  #ahead(): number {
    return Math.max(AHEAD.least, Math.min(AHEAD.most, AHEAD.all / Math.max(1, this.#pins.size)))
  }

  async *#whole(head: Head): AsyncGenerator<CarBlock> {
    yield this.#commit(head)
    const sent = new DigestSet()
    // Two paths may hold the same record: its block goes out once.
    const getMany = (cids: readonly Cid[]) => this.#parts.blocks.readSome(cids, false, this.#ahead())
    for await (const item of walk(head.data, getMany, { batch: 256, ahead: this.#ahead(), trusted: true })) {
      if (item.bytes && (item.kind === 'node' || sent.add(item.cid)))
        yield { cid: item.cid, bytes: item.bytes }
    }
  }

  /**
   * A block that was there at `since` has been there ever since, and then so has everything below
   * it: the walk goes down only where a node is newer.
   */
  async *#newer(head: Head, since: string): AsyncGenerator<CarBlock> {
    yield this.#commit(head)
    const sent = new DigestSet()
    const stack: { cid: Cid; node: boolean }[] = []
    if (this.#madeAfter([head.data], head.rev, since).size > 0) stack.push({ cid: head.data, node: true })
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { cid, node } = next
      if (!sent.add(cid)) continue
      const block = this.#block(cid)
      yield { cid, bytes: block }
      if (!node) continue
      const { left, entries } = parseNode(block)
      const children = left ? [{ cid: left, node: true }] : []
      for (const { value, right } of entries) {
        children.push({ cid: value, node: false })
        if (right) children.push({ cid: right, node: true })
      }
      const cids = children.map((child) => child.cid)
      const newer = this.#madeAfter(cids, head.rev, since)
      for (const child of children.toReversed()) if (newer.has(cidKey(child.cid))) stack.push(child)
    }
  }

  /** Those of these blocks that the tree of `rev` has and that came after `since`. */
  #madeAfter(cids: readonly Cid[], rev: string, since: string): Set<string> {
    const rows = this.#parts.sql.all<{ cid: ArrayBuffer }>(
      `SELECT b.cid FROM json_each(?) j JOIN block b ON b.cid = unhex(j.value)
       WHERE b.made > ? AND b.made <= ? AND (b.dropped IS NULL OR b.dropped > ?)`,
      hexList(cids.map((cid) => cid.bytes)),
      since,
      rev,
      rev,
    )
    return new Set(rows.map((row) => cidKey(decodeCid(bytes(row.cid)))))
  }

  /** Those of these that the current tree does not have. */
  missing(cids: readonly Cid[]): Cid[] {
    const current = this.#parts.blocks.current(cids)
    return cids.filter((cid) => !current.has(cidKey(cid)))
  }

  /** Blocks as a CAR without a root. The caller has seen that none is missing. */
  blocks(cids: readonly Cid[]): ReadableStream<Uint8Array> {
    const pin: Pin = { rev: this.#parts.repo.load().rev, touched: this.#parts.platform.now() }
    this.#pins.add(pin)
    return carStream(null, this.#pinned(pin, this.#each(cids)))
  }

  async *#each(cids: readonly Cid[]): AsyncGenerator<CarBlock> {
    for (const cid of cids) yield { cid, bytes: this.#block(cid) }
  }

  /**
   * A CAR that proves what a path holds: the commit, the nodes down to the path, and the record.
   * Without the record, it proves that there is none.
   */
  record(collection: string, rkey: string): Uint8Array {
    const head = this.#parts.repo.load()
    const path = `${collection}/${rkey}`
    const proof: Block[] = [this.#commit(head)]
    for (let cid: Cid | null = head.data; cid;) {
      const block = this.#block(cid)
      proof.push({ cid, bytes: block })
      const { left, entries } = parseNode(block)
      const after = entries.findIndex((entry) => entry.key >= path)
      const found = entries[after]
      if (found?.key === path) {
        proof.push({ cid: found.value, bytes: this.#block(found.value) })
        break
      }
      const before = after < 0 ? entries.at(-1) : entries[after - 1]
      cid = before ? before.right : left
    }
    return carOf(head.root, proof)
  }

  #commit(head: Head): CarBlock {
    return { cid: head.root, bytes: this.#block(head.root) }
  }

  #block(cid: Cid): Uint8Array {
    const block = this.#parts.blocks.read(cid)
    if (!block) throw new Error(`the block ${cid} is missing`)
    return block
  }
}
