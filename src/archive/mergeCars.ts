import { carHeader, carSection } from '../repo/car/writeCar.ts'
import { parseCommit } from '../repo/commit.ts'
import { walk } from '../repo/tree/treeWalk.ts'
import { openCarFile } from './openCarFile.ts'

/**
 * The whole CAR of a commit, out of a CAR with what is new since an earlier commit (getRepo with `since`) and the whole
 * CAR of that one. The commit first, then its tree in pre-order, each block once. Throws `WalkError` if a block is in
 * neither, and `CarError` or `CommitError` for what is not a repository.
 */
export async function* mergeCars(newerFile: string, earlierFile: string): AsyncGenerator<Uint8Array> {
  const newer = await openCarFile(newerFile)
  try {
    const earlier = await openCarFile(earlierFile)
    try {
      const read: typeof newer.read = (cid) => newer.read(cid) ?? earlier.read(cid)
      const commit = read(newer.root) ?? new Uint8Array()
      yield carHeader(newer.root)
      yield carSection(newer.root, commit)
      const written = new Set<string>()
      for (const { cid, bytes } of walk(parseCommit(commit).data, read)) {
        // Half a digest is enough to tell blocks apart, in less memory.
        const key = Buffer.from(cid.multihash.digest.subarray(0, 16)).toString('latin1')
        if (written.has(key)) continue
        written.add(key)
        yield carSection(cid, bytes)
      }
    } finally {
      earlier.close()
    }
  } finally {
    newer.close()
  }
}
