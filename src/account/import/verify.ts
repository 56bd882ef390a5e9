import type { Cid } from '@atproto/lex-data'
import { cidText, type Link } from '../../repo/cid.ts'
import type { Commit } from '../../repo/commit.ts'
import { keyAt, type Sections } from '../../repo/section.ts'
import { RepoError, verifyCommitBlock, verifyRecord } from '../../repo/verify.ts'
import { type Due, TreeWalk } from '../../repo/walk.ts'
import type { Blocks } from '../blocks.ts'
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
  cid: Cid
  commit: Commit
  section: Sections
}

export const verifyRoot = async (
  { did, platform }: ImportParts,
  { root, signingKey }: Coming,
  section: Sections | undefined,
): Promise<Root> => {
  if (!section) throw new RepoError('MissingBlock', `the commit ${root} is missing`)
  const commit = await verifyCommitBlock(section.content, { did, signingKey, now: platform.now() })
  return { cid: root, commit, section }
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
  readonly #age: (link: Link) => string

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
    const { kind, link } = due
    const bytes = section.content
    this.#walk.take(bytes)
    const before = this.writer.find(link.bytes, link.at)
    if (!before) this.writer.add(section, this.#age(link), kind)
    else if (kind === 'node' || before.kind === 'node')
      throw new RepoError('BadTree', `the block ${link} stands in the tree twice, as a node`)
    else this.#repeat(link)
    if (due.kind === 'node') return
    for (const blob of verifyRecord(due.key, bytes))
      this.references.push(`${cidText(blob.cid.bytes)} ${due.key}`)
    this.records++
  }

  #repeat(link: Link): void {
    const key = keyAt(link.bytes, link.at)
    const times = this.repeated.get(key) ?? { cid: link.cid, paths: 1 }
    times.paths++
    this.repeated.set(key, times)
  }
}

/** The revision that a block counts from: one that has been in the tree all the time keeps its own. */
const ageOf = (blocks: Blocks, { from, made }: Coming): ((link: Link) => string) => {
  if (!from) return () => made
  const pack = blocks.packs.current()
  const dropped = blocks.loose.droppedAfter(pack?.loose ?? 0)
  return ({ bytes, at }) => {
    const loose = blocks.loose.find(bytes, at)
    const recent = loose && loose.n > (pack?.loose ?? 0) ? loose : undefined
    const place = recent ?? (pack && blocks.packs.find(pack, bytes, at))
    const gone = dropped.get(keyAt(bytes, at)) ?? -1
    return place && gone < place.n ? place.made : made
  }
}
