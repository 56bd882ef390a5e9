import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../repo/block.ts'
import { CborError } from '../../repo/cbor.ts'
import { Link } from '../../repo/cid.ts'
import { OldTreeError, type RecordChange, TreeDiff } from '../../repo/treeDiff.ts'
import type { SectionReader } from '../../repo/sectionReader.ts'
import { verifyRecord } from '../../repo/verifyRepo.ts'
import { storeChange } from '../repo/treeChange.ts'
import { readCounts } from '../db/accountRow.ts'
import { blobsOf, refChanges, type Resolved } from '../repo/writes.ts'
import type { Course } from './importProgress.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportPlan } from './importPlan.ts'
import { type ImportSource, type Root, verifyRoot } from './verification.ts'

// Steps after which others get their turn.
const SLICE = 500

export interface ImportChangesOptions {
  /** Blocks that came, or are here. */
  find: (link: Link) => SectionReader | undefined
  /** Of nodes and records that differ. */
  most: { blocks: number; bytes: number }
  course: Course
}

/**
 * What the tree that comes has and the one here has not, verified; it is written as a commit is. Only what differs
 * is looked into. Undefined where that is much, or where only the whole tree can tell what is right.
 */
export const importChanges = async (
  deps: ImportDeps,
  coming: ImportSource,
  { find, most, course }: ImportChangesOptions,
): Promise<ImportPlan | undefined> => {
  const { blocks, platform } = deps
  if (!coming.from) return undefined
  const root = await verifyRoot(deps, coming, find(new Link(coming.root.bytes, 0)))
  const after = (cid: Cid): Uint8Array | undefined => find(new Link(cid.bytes, 0))?.content
  const before = (cid: Cid): Uint8Array | undefined => blocks.read(cid)
  const diff = new TreeDiff(coming.from.data, root.commit.data, { before, after })
  const ops: Resolved[] = []
  let [steps, size] = [0, 0]
  try {
    for (const change of diff.changes()) {
      const bytes = 'bytes' in change ? change.bytes : undefined
      size += bytes?.length ?? 0
      if (++steps > most.blocks || size > most.bytes) return undefined
      if (change.kind === 'record') {
        // The commit here is about to go.
        if (change.after?.equals(coming.from.root)) return undefined
        ops.push(operation(change, change.before ? before(change.before) : undefined))
      }
      if (steps % SLICE !== 0) continue
      await platform.sleep(0)
      course.check()
    }
  } catch (cause) {
    // It is the tree here that is broken: the whole tree that came may mend it.
    if (cause instanceof OldTreeError) return undefined
    throw cause
  }
  const nodes: Block[] = []
  for (const cid of diff.added.values()) {
    const bytes = after(cid)
    // A record that is here may be a node, if it came before such were refused.
    if (!bytes || blocks.isCurrent(cid)) return undefined
    // A copy: where it was found is a row or a part, of which otherwise each node might keep one in memory.
    nodes.push({ cid, bytes: bytes.slice() })
  }
  return written(deps, root, {
    rev: coming.made,
    ops,
    nodes,
    dropped: [coming.from.root, ...diff.dropped.values()],
  })
}

const written = (
  deps: ImportDeps,
  { cid, commit, section }: Root,
  { rev, ops, nodes, dropped }: { rev: string; ops: Resolved[]; nodes: Block[]; dropped: Cid[] },
): ImportPlan => {
  const was = readCounts(deps.sql)
  const more = ops.reduce((sum, op) => sum + (op.cid ? 1 : 0) - (op.prev ? 1 : 0), 0)
  const own = { cid, bytes: section.content }
  return {
    commit,
    records: was.records + more,
    prepare: () => () => {
      const { blocks, records } = storeChange(deps, { rev, ops, dropped, added: [own, ...nodes] })
      return { blocks: was.blocks + blocks, records: was.records + records }
    },
  }
}

const operation = (change: RecordChange, old: Uint8Array | undefined): Resolved => {
  const { path, before: prev, after: cid } = change
  const before = prev ? blobsBefore(path, old) : []
  if (cid === null) return { action: 'delete', path, cid, prev, added: [], removed: before }
  const bytes = change.bytes.slice()
  const refs = verifyRecord(path, bytes).map((blob) => blob.cid.toString())
  return { action: prev ? 'update' : 'create', path, cid, bytes, prev, ...refChanges(before, refs) }
}

const blobsBefore = (path: string, bytes: Uint8Array | undefined): string[] => {
  try {
    if (bytes) return blobsOf(bytes)
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause
  }
  throw new OldTreeError(`the record before, ${path}, is missing or damaged`)
}
