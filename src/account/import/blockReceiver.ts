import { Link } from '../../repo/cid.ts'
import { SectionReader } from '../../repo/sectionReader.ts'
import { missing } from '../../repo/treeWalk.ts'
import { readCounts } from '../db/accountRow.ts'
import { KnownBlocks } from '../blocks/packCursor.ts'
import { Staging } from '../blocks/staging.ts'
import type { Course } from './importProgress.ts'
import { importChanges } from './importChanges.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportPlan } from './importPlan.ts'
import { type ImportSource, Verification, verifyRoot } from './verification.ts'
import { importTree } from './importTree.ts'

// Blocks after which others get their turn.
const SLICE = 500
// What differs from the repository that is here, and is still called little: an eighth of it, and no more than may
// be loose. More makes a pack of its own.
const LITTLE = { share: 1 / 8, blocks: 10_000, bytes: 4 * 1024 * 1024 }

/**
 * What an import brings, block by block. In the order of the tree it is verified and written at once, and
 * nothing of it is kept elsewhere; what comes before it is due is staged. Where a repository is here, what comes
 * is first taken for nearly the same: blocks that are here are passed over, until too many are new.
 */
export class BlockReceiver {
  readonly #deps: ImportDeps
  readonly #coming: ImportSource
  readonly #course: Course
  readonly #staging: Staging
  readonly #little: { blocks: number; bytes: number }
  #follower: KnownBlocks | undefined
  #verification: Verification | undefined
  readonly #root: Link
  #blocks = 0
  /** Blocks taken since others had their turn, beside those that were offered. */
  #ahead = 0

  constructor(deps: ImportDeps, coming: ImportSource, course: Course) {
    const { sql, blocks } = deps
    this.#deps = deps
    this.#coming = coming
    this.#course = course
    this.#root = new Link(coming.root.bytes, 0)
    this.#staging = new Staging(sql, blocks.seed)
    this.#little = { ...LITTLE, blocks: Math.min(LITTLE.blocks, readCounts(sql).blocks * LITTLE.share) }
    if (coming.from && blocks.packs.current()) this.#follower = new KnownBlocks(blocks)
  }

  /** Takes checked sections. */
  async take(run: Uint8Array): Promise<void> {
    for (const section = new SectionReader(run); section.next();) {
      this.#blocks++
      if (this.#follower) {
        if (this.#follower.has(section)) continue
        this.#staging.add(section)
        if (this.#isMuch || this.#follower.isBroken) await this.#giveUp()
      } else if (this.#verification) {
        if (!this.#offer(this.#verification, section)) this.#staging.add(section)
        if (this.#ahead >= SLICE) await this.#rest(this.#verification)
      } else if (this.#root.equals({ bytes: section.bytes, at: section.cid })) await this.#begin(section)
      else this.#staging.add(section)
    }
    this.#course.note({ blocks: this.#blocks, records: this.#verification?.records ?? 0 })
    await this.#deps.platform.sleep(0)
  }

  /** When all has come: the whole tree verified, or what it has that the tree here has not. */
  async end(): Promise<ImportPlan> {
    this.#course.note({ phase: 'verifying' })
    if (this.#follower) {
      const little = await importChanges(this.#deps, this.#coming, {
        find: (link) => this.#find(link),
        most: this.#little,
        course: this.#course,
      })
      if (little) return little
    }
    const verification = await this.#goOn()
    if (verification.due) throw missing(verification.due)
    this.#course.note({ records: verification.records })
    return importTree(this.#deps, this.#coming, verification)
  }

  get #isMuch(): boolean {
    const { blocks, bytes } = this.#little
    return this.#staging.blocks > blocks || this.#staging.size > bytes
  }

  /** It is not nearly the same: what was passed over is verified as well, and then what comes. */
  async #giveUp(): Promise<void> {
    this.#follower = undefined
    if (!this.#find(this.#root)) return
    await this.#goOn()
    this.#course.check()
  }

  async #begin(section: SectionReader | undefined): Promise<Verification> {
    const commit = await verifyRoot(this.#deps, this.#coming, section)
    // Whoever has been ended meanwhile must not write among what another writes.
    this.#course.check()
    return (this.#verification = new Verification(this.#deps, this.#coming, commit))
  }

  /** Goes on with what is here until something is due that is not. */
  async #goOn(): Promise<Verification> {
    this.#course.check()
    const verification = this.#verification ?? (await this.#begin(this.#find(this.#root)))
    for (let n = 1; verification.due; n++) {
      const section = this.#find(verification.due.link)
      if (!section) break
      verification.take(section)
      if (n % SLICE === 0) await this.#rest(verification)
    }
    return verification
  }

  /** Others have their turn. */
  async #rest({ records }: Verification): Promise<void> {
    this.#ahead = 0
    await this.#deps.platform.sleep(0)
    this.#course.check()
    this.#course.note({ records })
  }

  /** Whether the block was due, or had been. What is due and has come already goes first, a little at a time. */
  #offer(verification: Verification, section: SectionReader): boolean {
    for (let n = 0; n < SLICE; n++) {
      const { due } = verification
      if (!due) return true
      const isDue = due.link.equals({ bytes: section.bytes, at: section.cid })
      const next = isDue ? section : this.#received(verification, due.link)
      if (!next) break
      verification.take(next)
      if (isDue) return true
      this.#ahead++
    }
    return verification.writer.find(section.bytes, section.cid) !== undefined
  }

  /** A block that is written already, or staged. */
  #received(verification: Verification | undefined, { bytes, at }: Link): SectionReader | undefined {
    return verification?.writer.find(bytes, at)?.section ?? this.#staging.section(bytes, at)
  }

  /** A block that has come, or need not come because it is in the repository here. */
  #find(link: Link): SectionReader | undefined {
    const received = this.#received(this.#verification, link)
    if (received) return received
    const here = this.#deps.blocks.find(link.bytes, link.at)?.section
    // What storage has changed is as good as not here: it may yet come.
    return here?.isIntact ? here : undefined
  }
}
