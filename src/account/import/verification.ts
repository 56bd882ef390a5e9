import type { Cid } from '@atproto/lex-data'
import { cidText, type Link } from '../../repo/cid.ts'
import type { Commit } from '../../repo/commit.ts'
import { keyAt, type SectionReader } from '../../repo/sectionReader.ts'
import { RepoError, verifyCommitBlock, verifyRecord } from '../../repo/verifyRepo.ts'
import { type Due, type DueRecord, TreeWalk } from '../../repo/treeWalk.ts'
import { error } from '../../xrpc/errors.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { Head } from '../db/accountRow.ts'
import { PackWriter } from '../blocks/packWriter.ts'
import type { ImportDeps } from './importDeps.ts'

// Characters of blob references: some 500,000 of them. One record under many paths could fill any memory.
const MAX_REFERENCES = 48 * 1024 * 1024

/** What is imported, and what was here when it began. */
export interface ImportSource {
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
  section: SectionReader
}

export const verifyRoot = async (
  { did, platform }: ImportDeps,
  { root, signingKey }: ImportSource,
  section: SectionReader | undefined,
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
  /** Records that several paths hold, by `keyAt`, and how many. */
  readonly repeated = new Map<string, number>()
  /** The blobs of those that have any. */
  readonly #blobs = new Map<string, readonly string[]>()
  #size = 0
  readonly #walk: TreeWalk
  readonly #age: (link: Link) => string

  constructor({ sql, blocks }: ImportDeps, coming: ImportSource, { commit, section }: Root) {
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
  take(section: SectionReader): void {
    const { due } = this
    if (!due) return
    const { kind, link } = due
    const bytes = section.content
    this.#walk.take(bytes)
    const before = this.writer.find(link.bytes, link.at)
    if (before && (kind === 'node' || before.kind === 'node'))
      throw new RepoError('BadTree', `the block ${link} stands in the tree twice, as a node`)
    if (!before) this.writer.add(section, this.#age(link), kind)
    if (due.kind === 'node') return
    for (const blob of before ? this.#again(due, bytes) : blobsIn(due, bytes)) this.#refer(blob, due)
    this.records++
  }

  /** The blobs of a record that another path holds as well: it is looked into once more, and then never again. */
  #again(due: DueRecord, bytes: Uint8Array): readonly string[] {
    const key = keyAt(due.link.bytes, due.link.at)
    const paths = this.repeated.get(key)
    this.repeated.set(key, (paths ?? 1) + 1)
    if (paths !== undefined) return this.#blobs.get(key) ?? []
    const blobs = blobsIn(due, bytes)
    if (blobs.length > 0) this.#blobs.set(key, blobs)
    return blobs
  }

  #refer(blob: string, { key }: DueRecord): void {
    this.#size += blob.length + key.length
    if (this.#size > MAX_REFERENCES)
      throw error('InvalidRequest', 'the records refer to more blobs than an import can take')
    this.references.push(`${blob} ${key}`)
  }
}

const blobsIn = ({ key }: DueRecord, bytes: Uint8Array): readonly string[] =>
  verifyRecord(key, bytes).map(({ cid }) => cidText(cid.bytes))

/** The revision that a block counts from: one that has been in the tree all the time keeps its own. */
const ageOf = (blocks: Blocks, { from, made }: ImportSource): ((link: Link) => string) => {
  if (!from) return () => made
  const pack = blocks.packs.current()
  const dropped = blocks.commitLog.droppedAfter(pack?.loose ?? 0)
  return ({ bytes, at }) => {
    const loose = blocks.commitLog.find(bytes, at)
    const recent = loose && loose.n > (pack?.loose ?? 0) ? loose : undefined
    const place = recent ?? (pack && blocks.packs.find(pack, bytes, at))
    const gone = dropped.get(keyAt(bytes, at)) ?? -1
    return place && gone < place.n ? place.made : made
  }
}
