import { SectionReader } from '../../repo/car/sectionReader.ts'
import { CID_LENGTH, cidKeyAt } from '../../repo/cidBytes.ts'
import { type DigestTable, digestWord } from '../../repo/digestTable.ts'
import { type Head, readStaging } from '../db/head.ts'
import { bytes, type Sql } from '../db/sql.ts'
import type { Blocks } from './blocks.ts'
import { LIFETIME_BYTES, lifetimeAt } from './history/blockLifetime.ts'
import type { Pack } from './packs/packs.ts'
import { REV_RUN_BYTES } from './packs/packSegment.ts'
import type { Repack } from './packs/repack.ts'

const NO_BYTES = new ArrayBuffer(0)

/** What the check of the blocks needs of the account. */
export interface CheckBlocksDeps {
  sql: Sql
  blocks: Blocks
  repack: Pick<Repack, 'isRunning'>
}

/** Called with each thing that is wrong. */
export type ReportProblem = (text: string) => void

/** Adds a block to the blocks of the tree, by 64 bits of its digest. */
export const addLive = (live: DigestTable, cid: Uint8Array, offset: number): void =>
  live.add(cid, offset, digestWord(cid, offset, 8), 0)

/** Whether a block was added by `addLive`. */
export const isLive = (live: DigestTable, cid: Uint8Array, offset: number): boolean => {
  const second = digestWord(cid, offset, 8)
  return live.slots(cid, offset).some((slot) => live.first(slot) === second)
}

/**
 * Checks every block that is stored: its hash, and that the current blocks are those of the tree (`live`) and no
 * others (`counted` is how many the account's row says there are); in packs also that each block is where its bucket
 * says, and that no rows are outside of packs. Finally the removal log.
 */
export const checkBlocks = (
  deps: CheckBlocksDeps,
  live: DigestTable,
  head: Head | undefined,
  counted: number,
  problem: ReportProblem,
): void => {
  const { sql, blocks } = deps
  const pack = blocks.packs.current()
  const packedRow = pack?.lastRow ?? 0
  const dropped = blocks.commitLog.droppedAfter(packedRow)
  let current = 0
  const visit = (sections: SectionReader, n: number): void => {
    const { bytes, cidAt } = sections
    const name = () => blocks.cidText(bytes, cidAt)
    if (!sections.isIntact) problem(`block ${name()} has another hash`)
    if ((dropped.get(cidKeyAt(bytes, cidAt)) ?? -1) > n) return
    current++
    if (!isLive(live, bytes, cidAt)) problem(`block ${name()} is current and not in the tree`)
  }
  let rev = ''
  for (const row of blocks.commitLog.rows()) {
    if (row.rev < rev) problem(`commit row ${row.n} goes back to revision ${row.rev}`)
    if (row.rev > (head?.rev ?? ''))
      problem(`commit row ${row.n} is of revision ${row.rev}, which does not exist`)
    rev = row.rev
    const sections = new SectionReader(row.bytes)
    while (sections.next()) if (row.n > packedRow) visit(sections, row.n)
    if (sections.end !== row.bytes.length || row.dropped.length % CID_LENGTH !== 0)
      problem(`commit row ${row.n} is cut off`)
  }
  if (pack) checkPack(deps, pack, (sections) => visit(sections, 0), problem)
  if (current !== live.size) problem(`blocks: ${current} current, ${live.size} in the tree`)
  if (current !== counted) problem(`counts: ${counted} blocks counted, ${current} current`)
  checkRemovalLog(sql, problem)
  const strays = sql.first<{ strays: number }>(
    `SELECT (SELECT count(*) FROM part p WHERE NOT EXISTS (SELECT 1 FROM pack WHERE p.n BETWEEN first AND last)) +
            (SELECT count(*) FROM bucket b WHERE NOT EXISTS (SELECT 1 FROM pack WHERE id = b.pack)) +
            (SELECT count(*) FROM staged) AS strays`,
  )
  if (strays && strays.strays > 0 && readStaging(sql) === undefined && !deps.repack.isRunning)
    problem(`${strays.strays} rows that belong to no pack`)
}

/** Checks that the removal log has no gap, neither in itself nor before the commit rows that are left. */
const checkRemovalLog = (sql: Sql, problem: ReportProblem): void => {
  type Row = { id: number; begins: string; ends: string }
  const rows = sql.all<Row>('SELECT id, begins, ends FROM trail ORDER BY id')
  let end = rows[0]?.begins
  let before = ''
  if (end === undefined) problem('there is no removal log')
  for (const { id, begins, ends } of rows) {
    if (begins !== end || ends < begins) problem(`the removal log has a gap before ${begins}`)
    const list = bytes(
      sql.first<{ gone: ArrayBuffer }>('SELECT gone FROM trail WHERE id = ?', id)?.gone ?? NO_BYTES,
    )
    for (let offset = 0; offset + LIFETIME_BYTES <= list.length; offset += LIFETIME_BYTES) {
      const { from, until } = lifetimeAt(list, offset)
      if (!(from < until && before <= until && until <= ends))
        problem(`the removal log up to ${ends} has a block of ${from} to ${until}`)
      before = until
    }
    if (list.length % LIFETIME_BYTES !== 0) problem(`the removal log up to ${ends} is cut off`)
    end = ends
  }
  const first = sql.first<{ n: number }>(
    'SELECT min(n) AS n FROM loose HAVING min(n) - 1 > (SELECT max(n) FROM trail)',
  )
  if (first) problem(`the commit rows before ${first.n} are deleted, and the removal log does not cover them`)
}

const checkPack = (
  { blocks }: CheckBlocksDeps,
  pack: Pack,
  visit: (sections: SectionReader) => void,
  problem: ReportProblem,
): void => {
  let count = 0
  for (let n = pack.first; n <= pack.last; n++) {
    const segment = blocks.packs.segment(n)
    if (!segment) {
      problem(`segment ${n} of the pack of ${pack.rev} is missing`)
      continue
    }
    const sections = new SectionReader(segment.bytes)
    while (sections.next()) {
      count++
      const { start, cidAt } = sections
      const { section, segment: found } = blocks.packs.find(pack, segment.bytes, cidAt) ?? {}
      if (found?.n !== n || section?.start !== start)
        problem(`block ${blocks.cidText(segment.bytes, cidAt)} is not where its bucket says`)
      const addedIn = segment.addedIn(start)
      if (addedIn.length !== REV_RUN_BYTES - 4 || addedIn > pack.rev)
        problem(`segment ${n} has blocks of revision ${addedIn}`)
      visit(sections)
    }
    if (sections.end !== segment.bytes.length) problem(`segment ${n} is cut off`)
  }
  if (count !== pack.blocks)
    problem(`the pack of ${pack.rev}: ${pack.blocks} blocks counted, ${count} stored`)
}
