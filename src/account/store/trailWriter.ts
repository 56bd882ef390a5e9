import { CID_LENGTH } from '../../repo/cursor.ts'
import { Sections } from '../../repo/section.ts'
import type { Blocks } from '../blocks.ts'
import type { Pack } from './packs.ts'
import { MOST, type Stay, stays } from './trail.ts'

// Blocks that one step looks up: some twenty milliseconds.
const STEP = { dropped: 500, replaced: 1500 }

/** A tree that another took the place of, gone through in steps; an object that dies in between starts afresh. */
interface Replaced {
  by: number
  blocks: Generator<Stay | undefined>
  lists: Uint8Array[]
  size: number
}

/** Takes down in the trail what rows and packs tell of the past, before they are deleted. */
export class TrailWriter {
  readonly #blocks: Blocks
  readonly #most: number
  #replaced: Replaced | undefined

  /** `most`: bytes that are written of what one import took the place of. */
  constructor(blocks: Blocks, most = MOST / 2) {
    this.#blocks = blocks
    this.#most = most
  }

  /** One step towards this pack; answers whether more are left. */
  step(pack: Pack): boolean {
    const { trail, packs, loose } = this.#blocks
    const { n, ends } = trail.end
    if (this.#isDone(pack)) return false
    const next = packs.all().findLast(({ id, rev }) => id <= pack.id && rev > ends) ?? pack
    if (next.loose > n && loose.revOf(next.loose) !== undefined) this.#dropped(next.loose)
    else this.#replace(next)
    return !this.#isDone(pack)
  }

  #isDone({ loose, rev }: Pack): boolean {
    const { n, ends } = this.#blocks.trail.end
    return n >= loose && ends >= rev
  }

  /** What commits dropped, up to a row. All rows of one commit are of one step. */
  #dropped(last: number): void {
    const { trail, loose, past } = this.#blocks
    const { n, ends } = trail.end
    const gone: Stay[] = []
    let [to, rev, before] = [n, ends, ends]
    for (const row of loose.drops(n)) {
      if (row.n > last) break
      if (row.rev !== rev) {
        if (gone.length >= STEP.dropped) break
        before = rev
      }
      ;[to, rev] = [row.n, row.rev]
      for (let at = 0; at < row.dropped.length; at += CID_LENGTH) {
        const from = past.arrival(row.dropped, at, before)
        if (from === undefined) continue
        gone.push({ cid: row.dropped.subarray(at, at + CID_LENGTH), from, until: rev })
      }
    }
    // Nothing may be deleted on the strength of rows that were not seen.
    if (to === n) throw new Error(`the loose rows from ${n + 1} on are gone`)
    trail.append(to, rev, stays(gone))
  }

  /** What the tree of an import took the place of, and does not have. Where that is too much, the trail begins anew. */
  #replace(by: Pack): void {
    const { trail } = this.#blocks
    if (this.#replaced?.by !== by.id)
      this.#replaced = { by: by.id, blocks: this.#left(by), lists: [], size: 0 }
    const { blocks, lists } = this.#replaced
    const gone: Stay[] = []
    let isDone = false
    for (let i = 0; i < STEP.replaced && !isDone; i++) {
      const { done = false, value } = blocks.next()
      if (value) gone.push(value)
      isDone = done
    }
    const list = stays(gone)
    lists.push(list)
    this.#replaced.size += list.length
    const isMuch = this.#replaced.size > this.#most
    if (!isDone && !isMuch) return
    this.#replaced = undefined
    if (isMuch) trail.restart(by.loose, by.rev)
    else trail.append(by.loose, by.rev, Buffer.concat(lists))
  }

  /** Each block of the tree that this pack took the place of: undefined for what the pack has as well. */
  *#left(by: Pack): Generator<Stay | undefined> {
    const { trail, packs, past, loose } = this.#blocks
    const { ends } = trail.end
    const old = packs.all().find(({ rev }) => rev <= ends)
    const from = old?.loose ?? 0
    const stay = ({ bytes, cid }: Sections): Stay | undefined => {
      if (packs.find(by, bytes, cid) || !past.isIn(ends, bytes, cid)) return undefined
      const came = past.arrival(bytes, cid, ends)
      return came === undefined
        ? undefined
        : { cid: bytes.subarray(cid, cid + CID_LENGTH), from: came, until: by.rev }
    }
    for (let n = old?.first ?? 1; n <= (old?.last ?? 0); n++) {
      const sections = new Sections(packs.part(n)?.bytes ?? new Uint8Array(0))
      // What came back stands in a row.
      while (sections.next())
        yield loose.find(sections.bytes, sections.cid, ends, from) ? undefined : stay(sections)
    }
    for (const row of loose.rows(from)) {
      if (row.n > by.loose) break
      const sections = new Sections(row.bytes)
      while (sections.next())
        yield loose.find(sections.bytes, sections.cid, ends, from)?.n === row.n ? stay(sections) : undefined
    }
  }
}
