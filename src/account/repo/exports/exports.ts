import type { Cid } from '@atproto/lex-data'
import type { Platform } from '../../../platform.ts'
import { byteStream } from '../../../streams/byteStream.ts'
import { carHeader, carSection } from '../../../repo/car/writeCar.ts'
import { CommitError, parseCommit } from '../../../repo/commit.ts'
import { isTid } from '../../../repo/tid.ts'
import { error } from '../../../xrpc/errors.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import type { Head } from '../../db/head.ts'
import { carChunks } from './carChunks.ts'
import { createExportPins, type ExportPin } from './exportPins.ts'
import type { ExportReader } from './exportPlaces.ts'
import { recordProof } from './recordProof.ts'
import type { Repo } from '../repo.ts'

/**
 * What the server gives out of the repository: the whole tree of a commit, what is new in it, single blocks, or proofs.
 * Each stream takes one of a few places until it has ended; while there is none for the reader, a call throws
 * `RateLimitExceeded`.
 */
export interface Exports {
  /**
   * A CAR of the latest commit: the commit first, then its tree in pre-order, each block once. With `since`, exactly the
   * blocks that a holder of that revision lacks; if the revision is too old to be known, also those that were
   * removed and came back. It stays with that commit however long it takes and whatever is written meanwhile.
   */
  repo(options?: { since?: string | undefined; reader?: ExportReader; onRecords?: OnRecords | undefined }): {
    root: Cid
    body: ReadableStream<Uint8Array>
  }
  /**
   * The same CAR from `offset` on, byte for byte, even if other commits have followed. Undefined where the commit is not
   * one of this account, its tree is no longer kept, or it is no longer known what the tree of `since` had.
   */
  resume(options: {
    root: Cid
    offset: number
    since?: string | undefined
    reader?: ExportReader
    onRecords?: OnRecords | undefined
  }): Promise<ReadableStream<Uint8Array> | undefined>
  /**
   * Exports that are being read need the blocks that were superseded at this time (milliseconds) or later. Undefined
   * while no export is read.
   */
  neededSince(): number | undefined
  /** Those of these blocks that the current tree does not have. */
  missing(cids: readonly Cid[]): Cid[]
  /** Blocks as a CAR without a root. The caller has checked that none is missing. */
  blocks(cids: readonly Cid[], reader?: ExportReader): ReadableStream<Uint8Array>
  /**
   * A CAR that proves what a path holds: the commit, the nodes down to the path, and the record. Without the record, it
   * proves that there is none.
   */
  record(collection: string, rkey: string): Uint8Array
}

/** Called while a CAR is read, with how many of its records have been given out. */
export type OnRecords = (records: number) => void

export interface ExportsDeps {
  did: string
  platform: Pick<Platform, 'now' | 'sleep'>
  blocks: Blocks
  repo: Pick<Repo, 'requireHead'>
}

interface PinnedOptions {
  since?: string | undefined
  firstChunk?: Uint8Array | undefined
  /** Called for each chunk that was given out, and at the end. */
  onChunk?: (() => void) | undefined
}

/** What an import or a pack has superseded is kept for at least this long. */
export const SUPERSEDED_RETENTION_MS = 3600_000
/** Chunks that a resumed export skips before other requests get their turn. */
const CHUNKS_PER_TURN = 64

export const createExports = (deps: ExportsDeps): Exports => {
  const { did, platform, blocks, repo } = deps
  const pins = createExportPins({ platform, blocks })

  const read = (cid: Cid): Uint8Array => {
    const block = blocks.read(cid)
    if (!block) throw new Error(`the block ${cid} is missing`)
    return block
  }

  const chunksOf = (
    head: Head,
    since: string | undefined,
    counter: { records: number },
  ): Generator<Uint8Array> => {
    if (since !== undefined && !isTid(since))
      throw error('InvalidRequest', `since: ${JSON.stringify(since.slice(0, 100))} is not a revision`)
    if (since !== undefined) blocks.refresh()
    const after = since === undefined ? undefined : { since, rev: head.rev }
    return carChunks(blocks, head, { repeated: blocks.repeatedRecords().keys(), newSince: after }, counter)
  }

  /** The chunks as a stream. What it needs is not deleted until it has ended, failed or been abandoned. */
  const pinned = (
    chunks: Generator<Uint8Array>,
    pin: ExportPin,
    { since, firstChunk, onChunk }: PinnedOptions = {},
  ): ReadableStream<Uint8Array> => {
    const wasKnown = since !== undefined && blocks.history.knows(since)
    let first = firstChunk
    return byteStream({
      begin: (fail) => pin.whenLost(fail),
      next: () => {
        try {
          // If it was forgotten how old a block is, nothing throws but this.
          if (wasKnown && !blocks.history.knows(since))
            throw new Error(`what the tree of ${since} had was forgotten meanwhile`)
          const value = first ?? chunks.next().value
          first = undefined
          pin.touch(value?.length ?? 0)
          onChunk?.()
          if (!value) pin.release()
          return value
        } catch (cause) {
          pin.release()
          throw cause
        }
      },
      cancel: () => pin.release(),
    })
  }

  /** Whether the whole tree of this revision is still stored: a pack supersedes what only earlier trees had. */
  const isKept = (rev: string): boolean => {
    // What the newest pack of these has superseded may be deleted by now.
    const before = platform.now() - SUPERSEDED_RETENTION_MS
    const newest = blocks.packs.all().find(({ at }) => at < before)
    return rev >= (newest?.rev ?? '')
  }

  /** The head as it was at this commit, if its whole tree is still stored. */
  const findCommit = (root: Cid): Head | undefined => {
    const latest = repo.requireHead()
    if (root.equals(latest.root)) return latest
    const bytes = blocks.read(root)
    try {
      const { did: owner, data, rev } = parseCommit(bytes ?? new Uint8Array())
      const isOwn = owner === did && rev <= latest.rev && isKept(rev)
      // An import may have brought a commit of another host, and stored its tree under another revision.
      return isOwn && blocks.history.isInTree(rev, root.bytes, 0) ? { root, data, rev } : undefined
    } catch (cause) {
      if (cause instanceof CommitError) return undefined
      throw cause
    }
  }

  const resume: Exports['resume'] = async ({ root, offset, since, reader, onRecords }) => {
    const head = findCommit(root)
    if (!head) return undefined
    const counter = { records: 0 }
    const onChunk = onRecords && (() => onRecords(counter.records))
    const chunks = chunksOf(head, since, counter)
    // Which blocks are sent depends on what is known of `since`. If it is known now, it was known when the export began,
    // and the blocks are the same; if it is not, it may have been known then.
    const isKnown = () => since === undefined || blocks.history.knows(since)
    if (!isKnown()) return undefined
    const pin = pins.pin(head.rev, reader)
    let body: ReadableStream<Uint8Array> | undefined
    try {
      let left = offset
      for (let n = 1; ; n++) {
        const { value } = chunks.next()
        // What was known of `since` may have been forgotten while other requests had their turn.
        if (!isKnown()) return undefined
        if (!value && left > 0)
          throw error('InvalidRequest', `offset: the CAR ends ${left} bytes before byte ${offset}`)
        if (!value || value.length > left)
          return (body = pinned(chunks, pin, { since, firstChunk: value?.subarray(left), onChunk }))
        left -= value.length
        if (n % CHUNKS_PER_TURN === 0) await platform.sleep(0)
      }
    } finally {
      if (!body) pin.release()
    }
  }

  function* sections(cids: readonly Cid[]): Generator<Uint8Array> {
    yield carHeader(null)
    for (const cid of cids) yield carSection(cid, read(cid))
  }

  return {
    repo: ({ since, reader, onRecords } = {}) => {
      const head = repo.requireHead()
      const counter = { records: 0 }
      const onChunk = onRecords && (() => onRecords(counter.records))
      const chunks = chunksOf(head, since, counter)
      return { root: head.root, body: pinned(chunks, pins.pin(head.rev, reader), { since, onChunk }) }
    },
    resume,
    neededSince: () => pins.neededSince(),
    missing: (cids) => cids.filter((cid) => !blocks.isCurrent(cid)),
    blocks: (cids, reader) => pinned(sections(cids), pins.pin(repo.requireHead().rev, reader)),
    record: (collection, rkey) => recordProof(repo.requireHead(), `${collection}/${rkey}`, read),
  }
}
