import { type Cid, decodeCid } from '@atproto/lex-data'
import { Blocks } from '../../src/account/blocks/blocks.ts'
import { writeHead } from '../../src/account/db/head.ts'
import { migrate } from '../../src/account/db/schema.ts'
import type { Sql } from '../../src/account/db/sql.ts'
import { CommitLog } from '../../src/account/blocks/commitLog.ts'
import { PackWriter } from '../../src/account/blocks/packs/packWriter.ts'
import { createRepack, type Repack } from '../../src/account/blocks/packs/repack.ts'
import { StoredTreeWalk } from '../../src/account/blocks/storedTreeWalk.ts'
import { SectionReader } from '../../src/repo/car/sectionReader.ts'
import type { Head } from './stream.ts'

const SEED = 0x5eed
const CACHE = 1024 * 1024
const HOUR = 3600_000

const cidOf = (hex: string) => decodeCid(Buffer.from(hex, 'hex'))

/** Schema C, by the program's own modules: a row for each commit, and packs. */
export class Packed {
  readonly #sql: Sql
  readonly #blocks: Blocks
  #now = Date.now()

  constructor(sql: Sql) {
    this.#sql = sql
    migrate(sql, 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', this.#now)
    this.#blocks = new Blocks(sql, { random: (n) => new Uint8Array(n).fill(7) })
  }

  /** Writes a pack as an import does, but without verification. */
  load(head: Head, sections: Uint8Array): void {
    const writer = new PackWriter(this.#sql, SEED)
    for (const section = new SectionReader(sections); section.next();) writer.add(section, head.rev, 'record')
    writer.finish()
    writer.activate({ rev: head.rev, lastRow: 0, at: this.#now })
    this.#blocks.packs.changed()
    this.#move(head, writer.blocks)
  }

  commit(head: Head, sections: Uint8Array): void {
    const blocks = []
    for (const section = new SectionReader(sections); section.next();) {
      const cid = decodeCid(sections.slice(section.cidAt, section.blockAt))
      blocks.push({ cid, bytes: section.content })
    }
    const dropped = (head.dropped ?? []).map(cidOf)
    this.#blocks.append(head.rev, this.#now, blocks, dropped)
    this.#move(head, blocks.length - dropped.length)
  }

  /** Writes the account's row, which every schema has; it is needed for what follows and not counted. */
  #move({ rev, root, data }: Head, blocks: number): void {
    const { written } = this.#sql
    writeHead(this.#sql, { rev, root: cidOf(root), data: cidOf(data) }, { blocks, records: 0 })
    this.#sql.written = written
  }

  pack(): void {
    this.#now += 25 * HOUR
    for (const repack = this.#repack(); repack.step().more;);
  }

  collect(): void {
    this.#now += 2 * HOUR
    for (const repack = this.#repack(); repack.collect(this.#now - HOUR).more;);
  }

  #repack(): Repack {
    return createRepack({ sql: this.#sql, platform: { now: () => this.#now }, blocks: this.#blocks })
  }

  read(cid: Cid): Uint8Array | undefined {
    return this.#blocks.read(cid)
  }

  /** Reads with nothing of the packs in memory. */
  readCold(cid: Uint8Array): Uint8Array | undefined {
    this.#blocks.packs.changed()
    return this.#blocks.find(cid)?.section.bytes
  }

  /** All packed blocks, in any order. */
  scan(): void {
    const { first = 1, last = 0 } = this.#blocks.packs.current() ?? {}
    for (let n = first; n <= last; n++)
      for (
        const section = new SectionReader(this.#blocks.packs.segment(n)?.bytes ?? new Uint8Array());
        section.next();
      );
  }

  /** In the order of an export: the commit first, then pre-order. */
  export({ data }: Head): void {
    for (const walk = new StoredTreeWalk(this.#blocks, cidOf(data)); walk.next(););
  }

  /** What the object reads at each start before it finds its first block. */
  index(): void {
    new CommitLog(this.#sql, SEED, CACHE).find(new Uint8Array(36))
  }
}
