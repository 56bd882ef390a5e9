import { type Cid, decodeCid, isCid } from '@atproto/lex-data'
import { readCar } from '../../repo/readCar.ts'
import { parseCommit } from '../../repo/commit.ts'
import { SectionReader } from '../../repo/sectionReader.ts'
import { nextTid } from '../../repo/tid.ts'
import { error } from '../../xrpc/errors.ts'
import { type Head, setStaging } from '../db/accountRow.ts'
import type { Course } from './importProgress.ts'
import { BlockReceiver } from './blockReceiver.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportSource } from './verification.ts'

// Below the 2 MB of a row, its key and revisions included.
const MAX_BLOCK = 1_900_000
// A repository of a million records has 1.3 million. Each costs 12 bytes of memory and some more: no CAR may fill it.
const MAX_BLOCKS = 2_000_000
const AHEAD = 5 * 60_000

/** What has come, and of what. */
export interface Received {
  coming: ImportSource
  intake: BlockReceiver
}

/**
 * Reads what comes, each block checked against its CID. The first block begins the import; until then nothing is
 * done. Undefined where what comes is the commit that is here: it is read, and nothing is kept.
 */
export const receive = async (
  deps: ImportDeps,
  body: ReadableStream<Uint8Array>,
  options: { limit: number | undefined; signingKey: ImportSource['signingKey']; course: Course },
): Promise<Received | undefined> => {
  const { sql, repo, repack } = deps
  const { limit, signingKey, course } = options
  const limits = { section: MAX_BLOCK, blocks: MAX_BLOCKS, ...(limit === undefined ? {} : { total: limit }) }
  const car = await readCar(body, limits)
  const [root, ...others] = car.roots
  if (!root || others.length > 0) {
    await car.cancel()
    throw error('InvalidRequest', `a repository has one root, this CAR has ${car.roots.length}`)
  }
  if (!isCid(root, { flavor: 'cbor' })) {
    await car.cancel()
    throw error('InvalidRequest', `the root ${root} names something else than a commit`)
  }
  // In its turn: a commit that is being signed comes before.
  const begin = (run: Uint8Array): Promise<Received | 'here'> =>
    repo.exclusive(async () => {
      course.check()
      const from = repo.head()
      if (from?.root.equals(root)) return 'here'
      const made = revisionOf(deps, root, run, from)
      // From now on none is begun, and what this import leaves behind is swept away: not half of a pack with it.
      repack.cancel()
      setStaging(sql, made)
      const coming = { root, from, made, signingKey }
      return { coming, intake: new BlockReceiver(deps, coming, course) }
    })
  let begun: Received | 'here' | undefined
  for await (const run of car.runs()) {
    begun ??= await begin(run)
    course.check()
    course.note({}, run.length)
    if (begun !== 'here') await begun.intake.take(run)
  }
  course.check()
  if (!begun) throw error('InvalidRequest', 'a CAR without blocks')
  return begun === 'here' ? undefined : begun
}

/**
 * The revision under which the blocks come in: the commit's own, where it comes first in the CAR and is
 * above ours, so that the blocks are as old as they say; else one of now.
 */
const revisionOf = (
  { repo, platform }: ImportDeps,
  root: Cid,
  run: Uint8Array,
  from: Head | undefined,
): string => {
  const first = new SectionReader(run)
  if (first.next() && decodeCid(run.slice(first.cid, first.block)).equals(root)) {
    const { rev } = parseCommit(run.slice(first.block, first.end))
    if (rev > (from?.rev ?? '') && rev <= nextTid(platform.now() + AHEAD)) return rev
  }
  return repo.nextRev(...(from ? [from.rev] : []))
}
