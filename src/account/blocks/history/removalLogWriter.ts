import { SectionReader } from '../../../repo/car/sectionReader.ts'
import { CID_LENGTH } from '../../../repo/cidBytes.ts'
import type { Blocks } from '../blocks.ts'
import type { Pack } from '../packs/packs.ts'
import { type BlockLifetime, encodeLifetimes } from './blockLifetime.ts'

/** The lifetimes that are being collected for one write. An object that dies before it starts again. */
interface LifetimeBatch {
  /** The row of the commit log, and the revision, up to which the removal log will go. */
  n: number
  rev: string
  /** Block by block; undefined for one that was not removed. */
  blocks: Generator<BlockLifetime | undefined>
  lists: Uint8Array[]
  /** Bytes of the lists. */
  size: number
}

/** Writes to the removal log what commit rows and packs know about removed blocks, before they are deleted. */
export class RemovalLogWriter {
  readonly #blocks: Blocks
  #batch: LifetimeBatch | undefined

  constructor(blocks: Blocks) {
    this.#blocks = blocks
  }

  /** Bytes that are written at most of what one import replaced. */
  get #maxBytes(): number {
    return this.#blocks.removalLog.limits.maxBytes / 2
  }

  /** Does one step towards covering all that this pack replaced; returns whether more are needed. */
  step(pack: Pack): boolean {
    if (this.#isCovered(pack)) return false
    const { removalLog } = this.#blocks
    const batch = this.#batch ?? this.#begin(pack)
    // Where this step fails, the batch lacks something: it is never continued.
    this.#batch = undefined
    if (this.#continue(batch)) removalLog.append(batch.n, batch.rev, Buffer.concat(batch.lists))
    else if (batch.size > this.#maxBytes) removalLog.restart(batch.n, batch.rev)
    else this.#batch = batch
    return !this.#isCovered(pack)
  }

  #isCovered({ lastRow, rev }: Pack): boolean {
    const { n, ends } = this.#blocks.removalLog.end
    return n >= lastRow && ends >= rev
  }

  /** Looks some blocks up; returns whether all have been, within the bytes that may be written. */
  #continue(batch: LifetimeBatch): boolean {
    const { blocksPerStep } = this.#blocks.removalLog.limits
    const removed: BlockLifetime[] = []
    let isDone = false
    for (let i = 0; i < blocksPerStep && !isDone; i++) {
      const { done = false, value } = batch.blocks.next()
      if (value) removed.push(value)
      isDone = done
    }
    const list = encodeLifetimes(removed)
    batch.lists.push(list)
    batch.size += list.length
    return isDone && batch.size <= this.#maxBytes
  }

  #begin(pack: Pack): LifetimeBatch {
    const { removalLog, packs, commitLog } = this.#blocks
    const { n, ends } = removalLog.end
    const next = packs.all().findLast(({ id, rev }) => id <= pack.id && rev > ends) ?? pack
    const isLogged = next.lastRow > n && commitLog.revOf(next.lastRow) !== undefined
    const to = isLogged ? this.#endOfBatch(next.lastRow) : { n: next.lastRow, rev: next.rev }
    return { ...to, blocks: isLogged ? this.#dropped(to.n) : this.#replaced(next), lists: [], size: 0 }
  }

  /**
   * How far the commit rows are written this time: up to the row, and its revision, at which they have dropped
   * `dropsPerWrite` blocks. All rows of one commit go together.
   */
  #endOfBatch(last: number): { n: number; rev: string } {
    const { end, limits } = this.#blocks.removalLog
    const { n, ends: rev } = end
    const to = { n, rev }
    let count = 0
    for (const row of this.#blocks.commitLog.drops(n)) {
      if (row.n > last || (row.rev !== to.rev && count >= limits.dropsPerWrite)) break
      to.n = row.n
      to.rev = row.rev
      count += row.dropped.length / CID_LENGTH
    }
    // Rows that were not read must not be counted as covered: they will be deleted.
    if (to.n === n) throw new Error(`the commit rows from ${n + 1} on are missing`)
    return to
  }

  /** What commits dropped, up to this row. */
  *#dropped(last: number): Generator<BlockLifetime | undefined> {
    const { removalLog, commitLog, history } = this.#blocks
    const { n, ends } = removalLog.end
    let [rev, before] = [ends, ends]
    for (const row of commitLog.drops(n)) {
      if (row.n > last) return
      if (row.rev !== rev) [rev, before] = [row.rev, rev]
      for (let offset = 0; offset < row.dropped.length; offset += CID_LENGTH) {
        const from = history.addedIn(row.dropped, offset, before)
        yield from === undefined ? undefined : lifetime(row.dropped, offset, { from, until: rev })
      }
    }
  }

  /** What the tree of an import replaced and does not have itself. */
  *#replaced(by: Pack): Generator<BlockLifetime | undefined> {
    const { removalLog, packs, history, commitLog } = this.#blocks
    const { ends } = removalLog.end
    const old = packs.all().find(({ rev }) => rev <= ends)
    const packedRow = old?.lastRow ?? 0
    const removed = ({ bytes, cidAt }: SectionReader): BlockLifetime | undefined => {
      if (packs.find(by, bytes, cidAt) || !history.isInTree(ends, bytes, cidAt)) return undefined
      const from = history.addedIn(bytes, cidAt, ends)
      return from === undefined ? undefined : lifetime(bytes, cidAt, { from, until: by.rev })
    }
    for (let n = old?.first ?? 1; n <= (old?.last ?? 0); n++) {
      const segment = packs.segment(n)
      if (!segment) throw new Error(`segment ${n} of the pack of ${old?.rev} is missing`)
      const sections = new SectionReader(segment.bytes)
      // A block that was added again is in a commit row, and taken from there.
      while (sections.next())
        yield commitLog.find(sections.bytes, sections.cidAt, ends, packedRow) ? undefined : removed(sections)
    }
    for (const row of commitLog.rows(packedRow)) {
      if (row.n > by.lastRow) return
      const sections = new SectionReader(row.bytes)
      while (sections.next())
        yield commitLog.find(sections.bytes, sections.cidAt, ends, packedRow)?.row === row.n
          ? removed(sections)
          : undefined
    }
  }
}

const lifetime = (
  bytes: Uint8Array,
  cidAt: number,
  revs: { from: string; until: string },
): BlockLifetime => ({
  cid: bytes.subarray(cidAt, cidAt + CID_LENGTH),
  ...revs,
})
