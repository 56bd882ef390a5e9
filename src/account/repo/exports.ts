import type { Cid } from '@atproto/lex-data'
import type { Platform } from '../../platform.ts'
import { byteStream } from '../../streams/byteStream.ts'
import { carHeader, carSection } from '../../repo/writeCar.ts'
import { CommitError, parseCommit } from '../../repo/commit.ts'
import { isTid } from '../../repo/tid.ts'
import { error } from '../../xrpc/errors.ts'
import type { Blocks } from '../blocks/blocks.ts'
import { carOf } from './carOf.ts'
import type { Head } from '../db/accountRow.ts'
import type { Repo } from './repo.ts'
import { recordProof } from './recordProof.ts'
import { StoredTreeWalk, type StoredTreeWalkOptions } from '../blocks/storedTreeWalk.ts'

interface Pin {
  begun: number
  /** It needs what packs that took over at this time or later have made superfluous. */
  from: number
  touched: number
}

/** What an import or a pack has made superfluous is kept at least this long, in milliseconds. */
export const SUPERSEDED_RETENTION_MS = 3600_000
// An export that nobody has read from for this long no longer holds anything back.
const ABANDONED = 3600_000
// Nor does one that goes on for longer than this, however slowly it is read: anybody may begin one.
const LONGEST = 24 * 3600_000
// Runs of up to so many bytes are put together: large enough that a chunk's own cost does not matter.
const SMALL = 16 * 1024

export interface ExportDeps {
  did: string
  platform: Pick<Platform, 'now' | 'sleep'>
  blocks: Blocks
  repo: Pick<Repo, 'load'>
}

/** What leaves: the whole tree of one commit, what is new in it, or proofs out of it. */
export class Exports {
  readonly #deps: ExportDeps
  readonly #pins = new Set<Pin>()

  constructor(deps: ExportDeps) {
    this.#deps = deps
  }

  /**
   * A CAR of the latest commit: the commit first, then its tree in pre-order, each block once. With
   * `since`, exactly the blocks that a holder of that revision lacks; of one that is too old to be known, also
   * those that have gone and come back. It stays with that commit however long it takes and whatever is written meanwhile.
   */
  repo(options: { since?: string | undefined } = {}): { root: Cid; body: ReadableStream<Uint8Array> } {
    const head = this.#deps.repo.load()
    return {
      root: head.root,
      body: this.#pinned(this.#car(head, options.since), { rev: head.rev, ...options }),
    }
  }

  /**
   * The same CAR from `offset` on, byte for byte, also where other commits have followed; undefined where the
   * commit is not one of ours, or its tree is no longer kept, or what that of `since` had is no longer known.
   */
  async resume(options: {
    root: Cid
    offset: number
    since?: string | undefined
  }): Promise<ReadableStream<Uint8Array> | undefined> {
    const { root, offset, since } = options
    const { platform, blocks } = this.#deps
    const head = this.#commit(root)
    if (!head) return undefined
    const pieces = this.#car(head, since)
    // Which blocks are sent depends on it. What is known now was known when the export began, so that they are the
    // same; what is not may have been.
    const isKnown = () => since === undefined || blocks.history.knows(since)
    if (!isKnown()) return undefined
    const pin = this.#pin(head.rev)
    try {
      let left = offset
      for (let n = 1; ; n++) {
        const { value } = pieces.next()
        // It may have been forgotten while others had their turn.
        if (!isKnown()) return undefined
        if (!value && left > 0)
          throw error('InvalidRequest', `offset: the CAR ends ${left} bytes before byte ${offset}`)
        if (!value || value.length > left)
          return this.#pinned(pieces, { rev: head.rev, since }, value?.subarray(left))
        left -= value.length
        // Others get their turn.
        if (n % 64 === 0) await platform.sleep(0)
      }
    } finally {
      this.#pins.delete(pin)
    }
  }

  /** A commit whose whole tree is still kept. */
  #commit(root: Cid): Head | undefined {
    const { blocks, did, repo } = this.#deps
    const latest = repo.load()
    if (root.equals(latest.root)) return latest
    const bytes = blocks.read(root)
    try {
      const { did: whose, data, rev } = parseCommit(bytes ?? new Uint8Array())
      const isOurs = whose === did && rev <= latest.rev && this.#isKept(rev)
      // A commit of another host may have come with an import, which gave its tree another revision.
      return isOurs && blocks.history.isInTree(rev, root.bytes, 0) ? { root, data, rev } : undefined
    } catch (cause) {
      if (cause instanceof CommitError) return undefined
      throw cause
    }
  }

  /** Whether the tree of this revision is still there: a pack lets go of what was before. */
  #isKept(rev: string): boolean {
    const { blocks, platform } = this.#deps
    const before = platform.now() - SUPERSEDED_RETENTION_MS
    const settled = blocks.packs.all().find(({ at }) => at < before)
    return rev >= (settled?.rev ?? '')
  }

  #car(head: Head, since: string | undefined): Generator<Uint8Array> {
    if (since !== undefined && !isTid(since))
      throw error('InvalidRequest', `since: ${JSON.stringify(since.slice(0, 100))} is not a revision`)
    const { blocks } = this.#deps
    if (since !== undefined) blocks.refresh()
    const after = since === undefined ? undefined : { since, rev: head.rev }
    return this.#pieces(head, { repeated: blocks.repeated().keys(), after })
  }

  /** The CAR in pieces: the first is no longer than it must be, for whoever waits for the first byte. */
  *#pieces(head: Head, options: StoredTreeWalkOptions): Generator<Uint8Array> {
    const { blocks } = this.#deps
    yield carOf(head.root, [{ cid: head.root, bytes: this.#block(head.root) }])
    const walk = new StoredTreeWalk(blocks, head.data, options)
    // Sections that stand one behind the other go out as they stand; only short runs are put together.
    let small = new Uint8Array(SMALL)
    let length = 0
    let [bytes, start, end]: [Uint8Array, number, number] = [small, 0, 0]
    for (let more = true; more;) {
      more = walk.next()
      const { section } = walk
      if (more && section.bytes === bytes && section.start === end) {
        end = section.end
        continue
      }
      const run = bytes.subarray(start, end)
      ;({ bytes, start, end } = section)
      if (length > 0 && length + run.length > SMALL) {
        yield small.subarray(0, length)
        ;[small, length] = [new Uint8Array(SMALL), 0]
      }
      if (run.length > SMALL) yield run
      else {
        small.set(run, length)
        length += run.length
      }
    }
    if (length > 0) yield small.subarray(0, length)
  }

  #pin(rev: string): Pin {
    const { platform, blocks } = this.#deps
    const now = platform.now()
    // A revision that is not the latest any more may have been packed over already.
    const over = blocks.packs.all().findLast((pack) => pack.rev > rev)
    const pin: Pin = { begun: now, from: over?.at ?? now, touched: now }
    this.#pins.add(pin)
    return pin
  }

  /** Holds back the collection of what is there now until the stream has ended, failed or been left. */
  #pinned(
    pieces: Generator<Uint8Array>,
    { rev, since }: { rev: string; since?: string | undefined },
    first?: Uint8Array,
  ): ReadableStream<Uint8Array> {
    const { platform, blocks } = this.#deps
    const pin = this.#pin(rev)
    const isKnown = since !== undefined && blocks.history.knows(since)
    const release = () => this.#pins.delete(pin)
    let begun = first
    return byteStream({
      next: () => {
        pin.touched = platform.now()
        try {
          // A block that is gone is missed. What tells how old a block is, is not.
          if (since !== undefined && !this.#pins.has(pin))
            throw new Error(`an export since ${since} was left for too long`)
          if (isKnown && !blocks.history.knows(since))
            throw new Error(`what the tree of ${since} had was forgotten meanwhile`)
          const value = begun ?? pieces.next().value
          begun = undefined
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

  /** Of the exports that are still read: what packs from then on have made superfluous is needed. */
  oldest(): number | undefined {
    const now = this.#deps.platform.now()
    let oldest: number | undefined
    for (const pin of this.#pins) {
      if (now - pin.touched > ABANDONED || now - pin.begun > LONGEST) this.#pins.delete(pin)
      else if (oldest === undefined || pin.from < oldest) oldest = pin.from
    }
    return oldest
  }

  /** Those of these that the current tree does not have. */
  missing(cids: readonly Cid[]): Cid[] {
    return cids.filter((cid) => !this.#deps.blocks.isCurrent(cid))
  }

  /** Blocks as a CAR without a root. The caller has seen that none is missing. */
  blocks(cids: readonly Cid[]): ReadableStream<Uint8Array> {
    return this.#pinned(this.#each(cids), { rev: this.#deps.repo.load().rev })
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
    return recordProof(this.#deps.repo.load(), `${collection}/${rkey}`, (cid) => this.#block(cid))
  }

  #block(cid: Cid): Uint8Array {
    const block = this.#deps.blocks.read(cid)
    if (!block) throw new Error(`the block ${cid} is missing`)
    return block
  }
}
