import { decodeCid } from '@atproto/lex-data'
import { CID_LENGTH } from '../../repo/cborReader.ts'
import { type DigestTable, digestWord } from '../../repo/digestTable.ts'
import { keyAt, SectionReader } from '../../repo/sectionReader.ts'
import type { Blocks } from './blocks.ts'
import { type Head, readStaging } from '../db/accountRow.ts'
import { bytes, type Sql } from '../db/sql.ts'
import type { Pack } from './packs.ts'
import { RUN } from './packSegment.ts'
import type { Repack } from './repack.ts'
import { ENTRY, lifetimeAt } from './removalLog.ts'

const NOTHING = new ArrayBuffer(0)

export interface BlockDeps {
  sql: Sql
  blocks: Blocks
  repack: Pick<Repack, 'isRunning'>
}

/** Is told what is wrong. */
export type Problem = (text: string) => void

/** A block of the tree, by 64 bits of its digest. */
export const note = (live: DigestTable, cid: Uint8Array, at: number): void =>
  live.add(cid, at, digestWord(cid, at, 8), 0)

export const isNoted = (live: DigestTable, cid: Uint8Array, at: number): boolean => {
  const more = digestWord(cid, at, 8)
  return live.slots(cid, at).some((slot) => live.first(slot) === more)
}

/**
 * Every block that is stored: its hash, and that the current ones are the tree's and no others. In the packs
 * also that each stands where its bucket says, and that nothing stands outside of them. At last, the trail.
 */
export const checkBlocks = (
  deps: BlockDeps,
  live: DigestTable,
  head: Head | undefined,
  counted: number,
  problem: Problem,
): void => {
  const { sql, blocks } = deps
  const pack = blocks.packs.current()
  const dropped = blocks.commitLog.droppedAfter(pack?.loose ?? 0)
  let current = 0
  const visit = (sections: SectionReader, n: number): void => {
    const { bytes, cid } = sections
    const name = () => blocks.name(bytes, cid)
    if (!sections.isIntact) problem(`block ${name()} has another hash`)
    if ((dropped.get(keyAt(bytes, cid)) ?? -1) > n) return
    current++
    if (!isNoted(live, bytes, cid)) problem(`block ${name()} is current and not in the tree`)
  }
  let rev = ''
  for (const row of blocks.commitLog.rows()) {
    if (row.rev < rev) problem(`loose row ${row.n} goes back to revision ${row.rev}`)
    if (row.rev > (head?.rev ?? ''))
      problem(`loose row ${row.n} is of revision ${row.rev}, which is not there`)
    rev = row.rev
    const sections = new SectionReader(row.bytes)
    while (sections.next()) if (row.n > (pack?.loose ?? 0)) visit(sections, row.n)
    if (sections.end !== row.bytes.length || row.dropped.length % CID_LENGTH !== 0)
      problem(`loose row ${row.n} is cut`)
  }
  if (pack) checkPack(deps, pack, (sections) => visit(sections, 0), problem)
  if (current !== live.size) problem(`blocks: ${current} current, ${live.size} in the tree`)
  if (current !== counted) problem(`counts: ${counted} blocks counted, ${current} current`)
  checkTrail(sql, problem)
  const strays = sql.first<{ strays: number }>(
    `SELECT (SELECT count(*) FROM part p WHERE NOT EXISTS (SELECT 1 FROM pack WHERE p.n BETWEEN first AND last)) +
            (SELECT count(*) FROM bucket b WHERE NOT EXISTS (SELECT 1 FROM pack WHERE id = b.pack)) +
            (SELECT count(*) FROM staged) AS strays`,
  )
  if (strays && strays.strays > 0 && readStaging(sql) === undefined && !deps.repack.isRunning)
    problem(`${strays.strays} rows that belong to no pack`)
}

/** That the trail has no gap, neither in itself nor before the rows that are still there. */
const checkTrail = (sql: Sql, problem: Problem): void => {
  type Row = { id: number; begins: string; ends: string }
  const rows = sql.all<Row>('SELECT id, begins, ends FROM trail ORDER BY id')
  let end = rows[0]?.begins
  let before = ''
  if (end === undefined) problem('there is no trail')
  for (const { id, begins, ends } of rows) {
    if (begins !== end || ends < begins) problem(`the trail has a gap before ${begins}`)
    const list = bytes(
      sql.first<{ gone: ArrayBuffer }>('SELECT gone FROM trail WHERE id = ?', id)?.gone ?? NOTHING,
    )
    for (let at = 0; at + ENTRY <= list.length; at += ENTRY) {
      const { from, until } = lifetimeAt(list, at)
      if (!(from < until && before <= until && until <= ends))
        problem(`the trail up to ${ends} has a block of ${from} to ${until}`)
      before = until
    }
    if (list.length % ENTRY !== 0) problem(`the trail up to ${ends} is cut`)
    end = ends
  }
  const gone = sql.first<{ n: number }>(
    'SELECT min(n) AS n FROM loose HAVING min(n) - 1 > (SELECT max(n) FROM trail)',
  )
  if (gone) problem(`the loose rows before ${gone.n} are gone, and the trail has not come to them`)
}

const checkPack = (
  { blocks }: BlockDeps,
  pack: Pack,
  visit: (sections: SectionReader) => void,
  problem: Problem,
): void => {
  let count = 0
  for (let n = pack.first; n <= pack.last; n++) {
    const part = blocks.packs.part(n)
    if (!part) {
      problem(`part ${n} of the pack of ${pack.rev} is missing`)
      continue
    }
    const sections = new SectionReader(part.bytes)
    while (sections.next()) {
      count++
      const { start, cid, block } = sections
      const { section, part: found } = blocks.packs.find(pack, part.bytes, cid) ?? {}
      if (found?.n !== n || section?.start !== start)
        problem(`block ${decodeCid(part.bytes.slice(cid, block))} is not where its bucket says`)
      const made = part.madeAt(start)
      if (made.length !== RUN - 4 || made > pack.rev) problem(`part ${n} has blocks of revision ${made}`)
      visit(sections)
    }
    if (sections.end !== part.bytes.length) problem(`part ${n} is cut`)
  }
  if (count !== pack.blocks)
    problem(`the pack of ${pack.rev}: ${pack.blocks} blocks counted, ${count} stored`)
}
