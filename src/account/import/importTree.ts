import { cidOfKey } from '../../repo/cid.ts'
import type { Coming } from './verify.ts'
import type { Verified } from './importPlan.ts'
import type { ImportParts } from './deps.ts'
import type { Verification } from './verify.ts'

/** A whole tree that was verified and written as a pack: that pack becomes the repository. */
export const whole = (
  parts: ImportParts,
  { made }: Coming,
  { commit, writer, records, repeated, references }: Verification,
): Verified => ({
  commit,
  records,
  prepare: () => {
    const { blocks, platform } = parts
    const { blocks: count } = writer
    const take = writer.finish()
    return () => {
      take({ rev: made, loose: blocks.loose.last(), at: platform.now() })
      blocks.clearPaths(platform.now())
      for (const [key, paths] of repeated) blocks.setPaths(cidOfKey(key), paths, platform.now())
      refer(parts, made, references)
      return { blocks: count, records }
    }
  },
})

/** The blob references, by merging the new with the old: one that was there keeps the revision that it came with. */
const refer = ({ blobs, platform }: ImportParts, rev: string, unordered: readonly string[]): void => {
  const now = platform.now()
  const old = blobs.references()
  let row = old.next().value
  for (const reference of unordered.toSorted()) {
    for (; row && `${row.cid} ${row.path}` < reference; row = old.next().value)
      blobs.unrefer(row.path, row.cid, now)
    if (row && `${row.cid} ${row.path}` === reference) row = old.next().value
    else {
      const space = reference.indexOf(' ')
      blobs.refer(reference.slice(space + 1), reference.slice(0, space), rev)
    }
  }
  for (; row; row = old.next().value) blobs.unrefer(row.path, row.cid, now)
}
