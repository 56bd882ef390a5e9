import { cidText } from '../../repo/cid.ts'
import type { VerifiedRecord } from '../../repo/verifyRepo.ts'
import { MAX_LISTED, type StatedRecords } from './statement.ts'

/** What two trees have in common. Both are consumed to their ends, so both are verified. */
export interface ComparedRepos {
  records: StatedRecords
  /** CIDs of the blobs that the target's records refer to. */
  blobs: Set<string>
}

const nextOf = (records: Iterator<VerifiedRecord, void>, blobs?: Set<string>): VerifiedRecord | undefined => {
  const { value } = records.next()
  for (const { cid } of value?.blobs ?? []) blobs?.add(cidText(cid.bytes))
  return value ?? undefined
}

/** Compares the records of two repositories, both in the order of their paths, holding one of each at a time. */
export function compareRepos(
  source: Iterator<VerifiedRecord, void>,
  target: Iterator<VerifiedRecord, void>,
): ComparedRepos {
  const blobs = new Set<string>()
  const records: StatedRecords = { same: 0, added: 0, changed: 0, gone: [], goneCount: 0 }
  let before = nextOf(source)
  let after = nextOf(target, blobs)
  while (before || after) {
    if (!before || (after && after.path < before.path)) {
      records.added++
      after = nextOf(target, blobs)
    } else if (!after || before.path < after.path) {
      records.goneCount++
      if (records.gone.length < MAX_LISTED) records.gone.push(before.path)
      before = nextOf(source)
    } else {
      if (before.cid.equals(after.cid)) records.same++
      else records.changed++
      before = nextOf(source)
      after = nextOf(target, blobs)
    }
  }
  return { records, blobs }
}
