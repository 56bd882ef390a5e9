import type { Cid } from '@atproto/lex-data'
import type { Platform } from '../platform.ts'
import { byteStream, carHeader, carSection } from '../repo/car-write.ts'
import { readNode } from '../repo/node.ts'
import { isTid } from '../repo/tid.ts'
import { error } from '../xrpc/errors.ts'
import type { Blocks } from './blocks.ts'
import { type Block, carOf } from './commit.ts'
import type { Head } from './head.ts'
import type { Repo } from './repo.ts'
import { Tour, type TourOptions } from './store/tour.ts'

interface Pin {
  begun: number
  touched: number
}

// An export that nobody has read from for this long no longer holds anything back.
const ABANDONED = 3600_000
// Nor does one that goes on for longer than this, however slowly it is read: anybody may begin one.
const LONGEST = 24 * 3600_000
// Large enough that a chunk's own cost does not matter, small enough that many can be on their way.
const CHUNK = 64 * 1024

export interface ExportParts {
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
   * A CAR of the latest commit: the commit first, then its tree in pre-order, each block once. With
   * `since`, exactly the blocks that a holder of that revision lacks. It stays with that commit however
   * long it takes and whatever is written meanwhile.
   */
  repo(options: { since?: string | undefined } = {}): ReadableStream<Uint8Array> {
    const { since } = options
    if (since !== undefined && !isTid(since))
      throw error('InvalidRequest', `since: ${JSON.stringify(since.slice(0, 100))} is not a revision`)
    const { blocks, repo } = this.#parts
    const head = repo.load()
    // Rather once too often than not at all.
    const isOld = (cid: Uint8Array, at: number): boolean =>
      (blocks.arrival(cid, at, head.rev) ?? '~') <= (since ?? '')
    const repeated = blocks.repeated().map(({ cid }) => cid)
    return this.#pinned(this.#tree(head, { repeated, ...(since !== undefined && { without: isOld }) }))
  }

  /** The CAR in pieces: the first is no longer than it must be, for whoever waits for the first byte. */
  *#tree(head: Head, options: TourOptions): Generator<Uint8Array> {
    const { blocks } = this.#parts
    yield carOf(head.root, [{ cid: head.root, bytes: this.#block(head.root) }])
    const tour = new Tour(blocks, head.data, options)
    // Sections that stand one behind the other are copied at once.
    let chunk: Uint8Array = new Uint8Array(CHUNK)
    let length = 0
    let [bytes, start, end] = [chunk, 0, 0]
    for (let more = true; more;) {
      more = tour.next()
      if (more && tour.at.bytes === bytes && tour.at.start === end && tour.at.end - start + length <= CHUNK) {
        end = tour.at.end
        continue
      }
      const size = end - start
      if (length + size > chunk.length) {
        if (length > 0) yield chunk.subarray(0, length)
        ;[chunk, length] = [new Uint8Array(Math.max(CHUNK, size)), 0]
      }
      chunk.set(bytes.subarray(start, end), length)
      length += size
      ;({ bytes, start, end } = tour.at)
    }
    if (length > 0) yield chunk.subarray(0, length)
  }

  /** Holds back the collection of what is there now until the stream has ended, failed or been left. */
  #pinned(pieces: Generator<Uint8Array>): ReadableStream<Uint8Array> {
    const { platform } = this.#parts
    const pin: Pin = { begun: platform.now(), touched: platform.now() }
    this.#pins.add(pin)
    const release = () => this.#pins.delete(pin)
    return byteStream({
      next: () => {
        pin.touched = platform.now()
        try {
          const { value } = pieces.next()
          if (!value) release()
          return value
        } catch (cause) {
          release()
          throw cause
        }
      },
      cancel: release,
    })
  }

  /** When the oldest export began that is still read. What was dropped after that is still needed. */
  oldest(): number | undefined {
    const now = this.#parts.platform.now()
    let oldest: number | undefined
    for (const pin of this.#pins) {
      if (now - pin.touched > ABANDONED || now - pin.begun > LONGEST) this.#pins.delete(pin)
      else if (oldest === undefined || pin.begun < oldest) oldest = pin.begun
    }
    return oldest
  }

  /** Those of these that the current tree does not have. */
  missing(cids: readonly Cid[]): Cid[] {
    return cids.filter((cid) => !this.#parts.blocks.isCurrent(cid))
  }

  /** Blocks as a CAR without a root. The caller has seen that none is missing. */
  blocks(cids: readonly Cid[]): ReadableStream<Uint8Array> {
    return this.#pinned(this.#each(cids))
  }

  *#each(cids: readonly Cid[]): Generator<Uint8Array> {
    yield carHeader(null)
    for (const cid of cids) yield carSection(cid, this.#block(cid))
  }

  /**
   * A CAR that proves what a path holds: the commit, the nodes down to the path, and the record.
   * Without the record, it proves that there is none.
   */
  record(collection: string, rkey: string): Uint8Array {
    const head = this.#parts.repo.load()
    const path = `${collection}/${rkey}`
    const proof: Block[] = [{ cid: head.root, bytes: this.#block(head.root) }]
    for (let cid: Cid | null = head.data; cid;) {
      const block = this.#block(cid)
      proof.push({ cid, bytes: block })
      const { left, entries } = readNode(block)
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

  #block(cid: Cid): Uint8Array {
    const block = this.#parts.blocks.read(cid)
    if (!block) throw new Error(`the block ${cid} is missing`)
    return block
  }
}
