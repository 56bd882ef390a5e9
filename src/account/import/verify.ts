import type { Cid } from '@atproto/lex-data'
import { cidText } from '../../repo/cid.ts'
import type { Commit } from '../../repo/commit.ts'
import type { Sections } from '../../repo/section.ts'
import { RepoError, verifyCommitBlock, verifyRecord } from '../../repo/verify.ts'
import { type Due, TreeWalk } from '../../repo/walk.ts'
import { type Blocks, cidKey } from '../blocks.ts'
import type { Head } from '../head.ts'
import { PackWriter } from '../store/packWriter.ts'
import type { ImportParts } from './parts.ts'

/** What is imported, and what was here when it began. */
export interface Coming {
  root: Cid
  from: Head | undefined
  /** The revision under which the blocks come in. */
  made: string
  /** One of these `did:key` must have signed the commit. */
  signingKey: string | readonly string[]
}

/** A commit that is verified: its form, DID, signature and revision. */
export interface Root {
  commit: Commit
  section: Sections
}

export const verifyRoot = async (
  { did, platform }: ImportParts,
  { root, signingKey }: Coming,
  section: Sections | undefined,
): Promise<Root> => {
  if (!section) throw new RepoError('MissingBlock', `the commit ${root} is missing`)
  const bytes = section.bytes.subarray(section.block, section.end)
  return { commit: await verifyCommitBlock(bytes, { did, signingKey, now: platform.now() }), section }
}

/**
 * Verifies a repository from its commit down to the last record, block by block as they are due, and writes it
 * as a pack on the way. Nobody reads that pack before the import's switch.
 */
export class Verification {
  readonly commit: Commit
  readonly writer: PackWriter
  records = 0
  /** `cid path` of the blobs that records refer to: only records with blobs cost memory here, and little of it. */
  readonly references: string[] = []
  /** Records that several paths hold. */
  readonly repeated = new Map<string, { cid: Cid; paths: number }>()
  readonly #walk: TreeWalk
  readonly #age: (cid: Cid) => string

  constructor({ sql, blocks }: ImportParts, coming: Coming, { commit, section }: Root) {
    this.commit = commit
    this.writer = new PackWriter(sql, blocks.seed)
    this.writer.add(section, coming.made, 'node')
    this.#walk = new TreeWalk(commit.data)
    this.#age = ageOf(blocks, coming)
  }

  /** The node or record that comes next; undefined when all is verified. */
  get due(): Due | undefined {
    return this.#walk.due
  }

  /** Verifies and writes the block that is due. */
  take(section: Sections): void {
    const { due } = this
    if (!due) return
    const { kind, cid } = due
    const bytes = section.bytes.subarray(section.block, section.end)
    this.#walk.take(bytes)
    const before = this.writer.find(cid.bytes)
    if (!before) this.writer.add(section, this.#age(cid), kind)
    else if (kind === 'node' || before.kind === 'node')
      throw new RepoError('BadTree', `the block ${cid} stands in the tree twice, as a node`)
    else this.#repeat(cid)
    if (due.kind === 'node') return
    for (const blob of verifyRecord(due.key, bytes)) this.references.push(`${cidText(blob.cid.bytes)} ${due.key}`)
    this.records++
  }

  #repeat(cid: Cid): void {
    const times = this.repeated.get(cidKey(cid)) ?? { cid, paths: 1 }
    times.paths++
    this.repeated.set(cidKey(cid), times)
  }
}

/** The revision that a block counts from: one that has been in the tree all the time keeps its own. */
const ageOf = (blocks: Blocks, { from, made }: Coming): ((cid: Cid) => string) => {
  if (!from) return () => made
  const pack = blocks.packs.current()
  const dropped = blocks.loose.droppedAfter(pack?.loose ?? 0)
  return (cid) => {
    const loose = blocks.loose.find(cid.bytes)
    const recent = loose && loose.n > (pack?.loose ?? 0) ? loose : undefined
    const place = recent ?? (pack && blocks.packs.find(pack, cid.bytes))
    const gone = dropped.get(cidKey(cid)) ?? -1
    return place && gone < place.n ? place.made : made
  }
}
