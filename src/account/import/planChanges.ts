import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../repo/block.ts'
import type { SectionReader } from '../../repo/car/sectionReader.ts'
import { Link } from '../../repo/cid.ts'
import { OldTreeError, type RecordChange, TreeDiff } from '../../repo/tree/treeDiff.ts'
import { importedBlobs } from '../../repo/verifyRepo.ts'
import { readCounts } from '../db/head.ts'
import { blobChanges, blobRefsOf, cidsOf, type RecordOpWithBlobs } from '../repo/commits/recordOp.ts'
import { recordValue } from '../repo/records.ts'
import { storeCommit } from '../repo/commits/storeCommit.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportPlan } from './importPlan.ts'
import type { ImportMonitor } from './importProgress.ts'
import { type ImportSource, type VerifiedRoot, verifyRoot } from './verification.ts'

/** Steps after which other work gets its turn. */
const STEPS_PER_TURN = 500

/** What the plan for a few changes is made from. */
export interface PlanChangesOptions {
  /** Finds a block that was received, or is stored here. */
  find: (link: Link) => SectionReader | undefined
  /** How many nodes and records may differ at most, and how many bytes of them. */
  maxChanges: { blocks: number; bytes: number }
  monitor: ImportMonitor
}

/**
 * The plan for a tree that is nearly the same as the one here: what differs is verified, and written as a commit is.
 * Nothing else is read. Undefined where too much differs, or where only the whole tree can tell what is right.
 */
export const planChanges = async (
  deps: ImportDeps,
  source: ImportSource,
  { find, maxChanges, monitor }: PlanChangesOptions,
): Promise<ImportPlan | undefined> => {
  const { blocks, platform } = deps
  const { current } = source
  if (!current) return undefined
  const root = await verifyRoot(deps, source, find(new Link(source.root.bytes, 0)))
  const after = (cid: Cid): Uint8Array | undefined => find(new Link(cid.bytes, 0))?.content
  const before = (cid: Cid): Uint8Array | undefined => blocks.read(cid)
  const diff = new TreeDiff(current.data, root.commit.data, { before, after })
  const ops: RecordOpWithBlobs[] = []
  let [steps, size] = [0, 0]
  try {
    for (const change of diff.changes()) {
      const bytes = 'bytes' in change ? change.bytes : undefined
      size += bytes?.length ?? 0
      if (++steps > maxChanges.blocks || size > maxChanges.bytes) return undefined
      if (change.kind === 'record') {
        // A record that is the current commit: that block is about to be dropped.
        if (change.after?.equals(current.root)) return undefined
        ops.push(operation(change, change.before ? before(change.before) : undefined))
      }
      if (steps % STEPS_PER_TURN !== 0) continue
      await platform.sleep(0)
      monitor.assertRunning()
    }
  } catch (cause) {
    // It is the tree here that is broken: the whole received tree may repair it.
    if (cause instanceof OldTreeError) return undefined
    throw cause
  }
  const nodes: Block[] = []
  for (const cid of diff.added.values()) {
    const bytes = after(cid)
    // A node may be stored as a record of the current tree, if it came before such records were refused.
    if (!bytes || blocks.isCurrent(cid)) return undefined
    // A copy: it was found in a row or a segment, which otherwise each node might keep in memory.
    nodes.push({ cid, bytes: bytes.slice() })
  }
  return planOf(deps, root, {
    rev: source.rev,
    ops,
    nodes,
    dropped: [current.root, ...diff.dropped.values()],
  })
}

const planOf = (
  deps: ImportDeps,
  { cid, commit, section }: VerifiedRoot,
  { rev, ops, nodes, dropped }: { rev: string; ops: RecordOpWithBlobs[]; nodes: Block[]; dropped: Cid[] },
): ImportPlan => {
  const before = readCounts(deps.sql)
  const more = ops.reduce((sum, op) => sum + (op.cid ? 1 : 0) - (op.prev ? 1 : 0), 0)
  const commitBlock = { cid, bytes: section.content }
  return {
    commit,
    records: before.records + more,
    prepare: () => {},
    apply: () => {
      const { blocks, records } = storeCommit(deps, {
        rev,
        ops,
        droppedNodes: dropped,
        addedNodes: [commitBlock, ...nodes],
      })
      return { blocks: before.blocks + blocks, records: before.records + records }
    },
  }
}

const operation = (change: RecordChange, old: Uint8Array | undefined): RecordOpWithBlobs => {
  const { path, before: prev, after: cid } = change
  const before = prev ? blobsBefore(path, old) : []
  if (cid === null) return { action: 'delete', path, cid, prev, addedBlobs: [], removedBlobs: before }
  const bytes = change.bytes.slice()
  const refs = cidsOf(importedBlobs(path, bytes))
  return { action: prev ? 'update' : 'create', path, cid, bytes, prev, ...blobChanges(before, refs) }
}

const blobsBefore = (path: string, bytes: Uint8Array | undefined): string[] => {
  if (bytes && recordValue(bytes)) return cidsOf(blobRefsOf(bytes))
  // Or one that came in as the specification forbids: which of the two it is, the tree as a whole shows.
  throw new OldTreeError(`the record before, ${path}, is missing or damaged`)
}
