import { cidOfKey } from '../../repo/cid.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportPlan } from './importPlan.ts'
import type { ImportSource, Verification } from './verification.ts'

/** The plan for a whole tree that was verified and written as a pack: that pack becomes the repository. */
export const planTree = (
  deps: ImportDeps,
  { rev }: ImportSource,
  { commit, writer, records, repeated, references }: Verification,
): ImportPlan => {
  const { blocks, platform } = deps
  return {
    commit,
    records,
    prepare: () => writer.finish(),
    apply: () => {
      writer.activate({ rev, lastRow: blocks.commitLog.last(), at: platform.now() })
      blocks.clearPathCounts(platform.now())
      for (const [key, paths] of repeated) blocks.setPathCount(cidOfKey(key), paths, platform.now())
      replaceReferences(deps, rev, references)
      return { blocks: writer.blocks, records }
    },
  }
}

/**
 * Replaces the blob references by merging the new ones (`cid path`) with the old: one that was there keeps the
 * revision that it came with.
 */
const replaceReferences = (
  { blobs, platform }: ImportDeps,
  rev: string,
  unordered: readonly string[],
): void => {
  const now = platform.now()
  const old = blobs.references()
  let row = old.next().value
  for (const reference of unordered.toSorted()) {
    for (; row && `${row.cid} ${row.path}` < reference; row = old.next().value)
      blobs.removeReference(row.path, row.cid, now)
    if (row && `${row.cid} ${row.path}` === reference) row = old.next().value
    else {
      const space = reference.indexOf(' ')
      blobs.addReference(reference.slice(space + 1), reference.slice(0, space), rev)
    }
  }
  for (; row; row = old.next().value) blobs.removeReference(row.path, row.cid, now)
}
