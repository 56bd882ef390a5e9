import { SectionReader } from '../../repo/car/sectionReader.ts'
import { Link } from '../../repo/cid.ts'
import { missingBlock } from '../../repo/tree/treeWalk.ts'
import { KnownBlocks } from '../blocks/packs/knownBlocks.ts'
import { Staging } from '../blocks/staging.ts'
import { readCounts } from '../db/head.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportPlan } from './importPlan.ts'
import type { ImportMonitor } from './importProgress.ts'
import { planChanges } from './planChanges.ts'
import { planTree } from './planTree.ts'
import { type ImportSource, Verification, verifyRoot } from './verification.ts'

/** Blocks after which other work gets its turn. */
const BLOCKS_PER_TURN = 500
/**
 * What may differ from the repository that is here, for an import to count as nearly the same: this share of its
 * blocks, and no more than a commit log may take. With more, the import writes a pack of its own.
 */
const MAX_CHANGED_SHARE = 1 / 8
const MAX_CHANGED_BLOCKS = 10_000
const MAX_CHANGED_BYTES = 4 * 1024 * 1024

/**
 * Receives an import block by block. Blocks in the order of the tree are verified and written at once, and not kept
 * anywhere else; a block that is received before it is due is staged. Where a repository is here, the import is first
 * assumed to be nearly the same: blocks that are here are ignored, until too many are new.
 */
export class BlockReceiver {
  readonly #deps: ImportDeps
  readonly #source: ImportSource
  readonly #monitor: ImportMonitor
  readonly #staging: Staging
  readonly #maxChanges: { blocks: number; bytes: number }
  /** Set as long as the import is assumed to be nearly the same. */
  #known: KnownBlocks | undefined
  /** Set once the commit has been verified. */
  #verification: Verification | undefined
  readonly #root: Link
  #blocks = 0
  /** Blocks verified since other work had its turn, not counting those that were received meanwhile. */
  #ahead = 0

  constructor(deps: ImportDeps, source: ImportSource, monitor: ImportMonitor) {
    const { sql, blocks } = deps
    this.#deps = deps
    this.#source = source
    this.#monitor = monitor
    this.#root = new Link(source.root.bytes, 0)
    this.#staging = new Staging(sql, blocks.seed)
    this.#maxChanges = {
      blocks: Math.min(MAX_CHANGED_BLOCKS, readCounts(sql).blocks * MAX_CHANGED_SHARE),
      bytes: MAX_CHANGED_BYTES,
    }
    if (source.current && blocks.packs.current()) this.#known = new KnownBlocks(blocks)
  }

  /** Takes whole sections whose hashes were checked. */
  async take(run: Uint8Array): Promise<void> {
    for (const section = new SectionReader(run); section.next();) {
      this.#blocks++
      if (this.#known) {
        if (this.#known.has(section)) continue
        this.#staging.add(section)
        if (this.#differsTooMuch || this.#known.isBroken) await this.#verifyWhole()
      } else if (this.#verification) {
        if (!this.#offer(this.#verification, section)) this.#staging.add(section)
        if (this.#ahead >= BLOCKS_PER_TURN) await this.#pause(this.#verification)
      } else if (this.#root.equals({ bytes: section.bytes, offset: section.cidAt }))
        await this.#begin(section)
      else this.#staging.add(section)
    }
    this.#monitor.report({ blocks: this.#blocks, records: this.#verification?.records ?? 0 })
    await this.#deps.platform.sleep(0)
  }

  /** After the last block: the plan for what differs from the tree here, or for the whole tree, verified. */
  async end(): Promise<ImportPlan> {
    this.#monitor.report({ phase: 'verifying' })
    if (this.#known) {
      const plan = await planChanges(this.#deps, this.#source, {
        find: (link) => this.#find(link),
        maxChanges: this.#maxChanges,
        monitor: this.#monitor,
      })
      if (plan) return plan
    }
    const verification = await this.#verifyReceived()
    if (verification.due) throw missingBlock(verification.due)
    this.#monitor.report({ records: verification.records })
    return planTree(this.#deps, this.#source, verification)
  }

  get #differsTooMuch(): boolean {
    const { blocks, bytes } = this.#maxChanges
    return this.#staging.blocks > blocks || this.#staging.size > bytes
  }

  /** The import is not nearly the same: what was ignored is verified as well, and then what is received. */
  async #verifyWhole(): Promise<void> {
    this.#known = undefined
    if (!this.#find(this.#root)) return
    await this.#verifyReceived()
    this.#monitor.assertRunning()
  }

  async #begin(section: SectionReader | undefined): Promise<Verification> {
    const commit = await verifyRoot(this.#deps, this.#source, section)
    // An import that was ended meanwhile must not write among the rows of another.
    this.#monitor.assertRunning()
    return (this.#verification = new Verification(this.#deps, this.#source, commit))
  }

  /** Verifies what was received and what is here, until a block is due that is neither. */
  async #verifyReceived(): Promise<Verification> {
    this.#monitor.assertRunning()
    const verification = this.#verification ?? (await this.#begin(this.#find(this.#root)))
    for (let n = 1; verification.due; n++) {
      const section = this.#find(verification.due.link)
      if (!section) break
      verification.take(section)
      if (n % BLOCKS_PER_TURN === 0) await this.#pause(verification)
    }
    return verification
  }

  /** Other work gets its turn. */
  async #pause({ records }: Verification): Promise<void> {
    this.#ahead = 0
    await this.#deps.platform.sleep(0)
    this.#monitor.assertRunning()
    this.#monitor.report({ records })
  }

  /**
   * Takes the block if it is due, after the blocks that are due before it and were received already (at most
   * `BLOCKS_PER_TURN` of them). Returns whether it is or was due; if not, it is staged for later.
   */
  #offer(verification: Verification, section: SectionReader): boolean {
    for (let n = 0; n < BLOCKS_PER_TURN; n++) {
      const { due } = verification
      if (!due) return true
      const isDue = due.link.equals({ bytes: section.bytes, offset: section.cidAt })
      const next = isDue ? section : this.#received(verification, due.link)
      if (!next) break
      verification.take(next)
      if (isDue) return true
      this.#ahead++
    }
    return verification.writer.find(section.bytes, section.cidAt) !== undefined
  }

  /** A block that was received: it is written already, or staged. */
  #received(verification: Verification | undefined, { bytes, offset }: Link): SectionReader | undefined {
    return verification?.writer.find(bytes, offset)?.section ?? this.#staging.find(bytes, offset)
  }

  /** A block that was received, or need not be because it is stored here. */
  #find(link: Link): SectionReader | undefined {
    const received = this.#received(this.#verification, link)
    if (received) return received
    const stored = this.#deps.blocks.find(link.bytes, link.offset)?.section
    // A block that storage has changed counts as not stored: it may yet be received.
    return stored?.isIntact ? stored : undefined
  }
}
