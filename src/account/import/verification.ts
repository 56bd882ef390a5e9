import type { Cid } from '@atproto/lex-data'
import { type SectionReader } from '../../repo/car/sectionReader.ts'
import { cidText, type Link } from '../../repo/cid.ts'
import { cidKeyAt } from '../../repo/cidBytes.ts'
import type { Commit } from '../../repo/commit.ts'
import { type Due, type DueRecord, TreeWalk } from '../../repo/tree/treeWalk.ts'
import { importedBlobs, RepoError, verifyCommitBlock } from '../../repo/verifyRepo.ts'
import { error } from '../../xrpc/errors.ts'
import type { Blocks } from '../blocks/blocks.ts'
import { PackWriter } from '../blocks/packs/packWriter.ts'
import type { Head } from '../db/head.ts'
import type { ImportDeps } from './importDeps.ts'

/** Characters of all blob references: some 500,000 references. One record under many paths could fill any memory. */
const MAX_REFERENCE_CHARACTERS = 48 * 1024 * 1024

/** What is imported, and what was here when the import began. */
export interface ImportSource {
  /** The commit that is imported. */
  root: Cid
  /** The repository that was here. */
  current: Head | undefined
  /** The revision with which the blocks are added here. */
  rev: string
  /** One of these `did:key` must have signed the commit. */
  signingKey: string | readonly string[]
}

/** A commit that was verified: its form, DID, signature and revision. */
export interface VerifiedRoot {
  cid: Cid
  commit: Commit
  section: SectionReader
}

/** Verifies the commit that is imported. */
export const verifyRoot = async (
  { did, platform }: ImportDeps,
  { root, signingKey }: ImportSource,
  section: SectionReader | undefined,
): Promise<VerifiedRoot> => {
  if (!section) throw new RepoError('MissingBlock', `the commit ${root} is missing`)
  const { commit } = await verifyCommitBlock(section.content, { did, signingKey, now: platform.now() })
  return { cid: root, commit, section }
}

/**
 * Verifies a repository from its commit down to the last record, block by block as they are due, and writes it as a
 * pack on the way. Nobody reads that pack before the import's switch.
 */
export class Verification {
  readonly commit: Commit
  readonly writer: PackWriter
  /** Records verified so far. */
  records = 0
  /** `cid path` of the blobs that records refer to: only records with blobs cost memory here, and little of it. */
  readonly references: string[] = []
  /** By `cidKeyAt`, records that several paths hold, and how many do. */
  readonly repeated = new Map<string, number>()
  /** By `cidKeyAt`, the blobs of those records that refer to any. */
  readonly #blobs = new Map<string, readonly string[]>()
  #referenceCharacters = 0
  readonly #walk: TreeWalk
  readonly #addedIn: (link: Link) => string

  constructor({ sql, blocks }: ImportDeps, source: ImportSource, { commit, section }: VerifiedRoot) {
    this.commit = commit
    this.writer = new PackWriter(sql, blocks.seed)
    this.writer.add(section, source.rev, 'node')
    this.#walk = new TreeWalk(commit.data)
    this.#addedIn = revisions(blocks, source)
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
    const before = this.writer.find(link.bytes, link.offset)
    if (before && (kind === 'node' || before.kind === 'node'))
      throw new RepoError('BadTree', `the block ${link} is in the tree twice, as a node`)
    if (!before) this.writer.add(section, this.#addedIn(link), kind)
    if (due.kind === 'node') return
    for (const blob of before ? this.#blobsOfRepeated(due, bytes) : blobsIn(due, bytes))
      this.#refer(blob, due)
    this.records++
  }

  /** The blobs of a record that another path holds as well: it is decoded once more, and then never again. */
  #blobsOfRepeated(due: DueRecord, bytes: Uint8Array): readonly string[] {
    const key = cidKeyAt(due.link.bytes, due.link.offset)
    const paths = this.repeated.get(key)
    this.repeated.set(key, (paths ?? 1) + 1)
    if (paths !== undefined) return this.#blobs.get(key) ?? []
    const blobs = blobsIn(due, bytes)
    if (blobs.length > 0) this.#blobs.set(key, blobs)
    return blobs
  }

  #refer(blob: string, { key }: DueRecord): void {
    this.#referenceCharacters += blob.length + key.length
    if (this.#referenceCharacters > MAX_REFERENCE_CHARACTERS)
      throw error('InvalidRequest', 'the records refer to more blobs than an import can take')
    this.references.push(`${blob} ${key}`)
  }
}

const blobsIn = ({ key }: DueRecord, bytes: Uint8Array): readonly string[] =>
  importedBlobs(key, bytes).map(({ cid }) => cidText(cid.bytes))

/** The revision with which each block was added: one that has been in the tree all the time keeps its own. */
const revisions = (blocks: Blocks, { current, rev }: ImportSource): ((link: Link) => string) => {
  if (!current) return () => rev
  const pack = blocks.packs.current()
  const packedRow = pack?.lastRow ?? 0
  const dropped = blocks.commitLog.droppedAfter(packedRow)
  return ({ bytes, offset }) => {
    const logged = blocks.commitLog.find(bytes, offset)
    const recent = logged && logged.row > packedRow ? logged : undefined
    const location = recent ?? (pack && blocks.packs.find(pack, bytes, offset))
    const droppedBy = dropped.get(cidKeyAt(bytes, offset)) ?? -1
    return location && droppedBy < location.row ? location.addedIn : rev
  }
}
