import { CID_LENGTH } from '../../repo/cborReader.ts'
import { SectionReader } from '../../repo/sectionReader.ts'
import type { Blocks } from './blocks.ts'
import type { Pack } from './packs.ts'
import { type BlockLifetime, lifetimes } from './removalLog.ts'

/** What is being taken down; an object that dies in between starts it afresh. */
interface Run {
  /** How far the trail will have come. */
  n: number
  rev: string
  /** Block by block; undefined for one that has not gone. */
  blocks: Generator<BlockLifetime | undefined>
  lists: Uint8Array[]
  size: number
}

/** Takes down in the trail what rows and packs tell of the past, before they are deleted. */
export class RemovalLogWriter {
  readonly #blocks: Blocks
  #run: Run | undefined

  constructor(blocks: Blocks) {
    this.#blocks = blocks
  }

  /** Bytes that are written at most of what one import took the place of. */
  get #most(): number {
    return this.#blocks.removalLog.size.bytes / 2
  }

  /** One step towards this pack; answers whether more are left. */
  step(pack: Pack): boolean {
    if (this.#isDone(pack)) return false
    const { removalLog } = this.#blocks
    // One that failed lacks something: it is never gone on with.
    const run = this.#run ?? this.#begin(pack)
    this.#run = undefined
    if (this.#goOn(run)) removalLog.append(run.n, run.rev, Buffer.concat(run.lists))
    else if (run.size > this.#most) removalLog.restart(run.n, run.rev)
    else this.#run = run
    return !this.#isDone(pack)
  }

  #isDone({ loose, rev }: Pack): boolean {
    const { n, ends } = this.#blocks.removalLog.end
    return n >= loose && ends >= rev
  }

  /** Whether all has been looked up. */
  #goOn(run: Run): boolean {
    const { looks } = this.#blocks.removalLog.size
    const gone: BlockLifetime[] = []
    let isDone = false
    for (let i = 0; i < looks && !isDone; i++) {
      const { done = false, value } = run.blocks.next()
      if (value) gone.push(value)
      isDone = done
    }
    const list = lifetimes(gone)
    run.lists.push(list)
    run.size += list.length
    return isDone && run.size <= this.#most
  }

  #begin(pack: Pack): Run {
    const { removalLog, packs, commitLog } = this.#blocks
    const { n, ends } = removalLog.end
    const next = packs.all().findLast(({ id, rev }) => id <= pack.id && rev > ends) ?? pack
    const isLogged = next.loose > n && commitLog.revOf(next.loose) !== undefined
    const to = isLogged ? this.#someRows(next.loose) : { n: next.loose, rev: next.rev }
    return { ...to, blocks: isLogged ? this.#dropped(to.n) : this.#replaced(next), lists: [], size: 0 }
  }

  /** Up to which row so much was dropped as is written at a time. All rows of one commit go together. */
  #someRows(last: number): { n: number; rev: string } {
    const { end, size } = this.#blocks.removalLog
    const { n, ends: rev } = end
    const to = { n, rev }
    let count = 0
    for (const row of this.#blocks.commitLog.drops(n)) {
      if (row.n > last || (row.rev !== to.rev && count >= size.drops)) break
      to.n = row.n
      to.rev = row.rev
      count += row.dropped.length / CID_LENGTH
    }
    // Nothing may be deleted on the strength of rows that were not seen.
    if (to.n === n) throw new Error(`the loose rows from ${n + 1} on are gone`)
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
      for (let at = 0; at < row.dropped.length; at += CID_LENGTH) {
        const from = history.addedIn(row.dropped, at, before)
        yield from === undefined ? undefined : stay(row.dropped, at, { from, until: rev })
      }
    }
  }

  /** What the tree of an import took the place of and does not have. */
  *#replaced(by: Pack): Generator<BlockLifetime | undefined> {
    const { removalLog, packs, history, commitLog } = this.#blocks
    const { ends } = removalLog.end
    const old = packs.all().find(({ rev }) => rev <= ends)
    const rows = old?.loose ?? 0
    const left = ({ bytes, cid }: SectionReader): BlockLifetime | undefined => {
      if (packs.find(by, bytes, cid) || !history.isInTree(ends, bytes, cid)) return undefined
      const from = history.addedIn(bytes, cid, ends)
      return from === undefined ? undefined : stay(bytes, cid, { from, until: by.rev })
    }
    for (let n = old?.first ?? 1; n <= (old?.last ?? 0); n++) {
      const part = packs.part(n)
      if (!part) throw new Error(`part ${n} of the pack of ${old?.rev} is missing`)
      const sections = new SectionReader(part.bytes)
      // What came back stands in a row.
      while (sections.next())
        yield commitLog.find(sections.bytes, sections.cid, ends, rows) ? undefined : left(sections)
    }
    for (const row of commitLog.rows(rows)) {
      if (row.n > by.loose) return
      const sections = new SectionReader(row.bytes)
      while (sections.next())
        yield commitLog.find(sections.bytes, sections.cid, ends, rows)?.n === row.n
          ? left(sections)
          : undefined
    }
  }
}

const stay = (bytes: Uint8Array, cid: number, when: { from: string; until: string }): BlockLifetime => ({
  cid: bytes.subarray(cid, cid + CID_LENGTH),
  ...when,
})
