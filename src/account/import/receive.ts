import { type Cid, decodeCid, isCid } from '@atproto/lex-data'
import { minimalLengths } from '../../repo/car/minimalLengths.ts'
import { readCar } from '../../repo/car/readCar.ts'
import { SectionReader } from '../../repo/car/sectionReader.ts'
import { parseCommit } from '../../repo/commit.ts'
import { MAX_REV_AHEAD_MS, nextTid } from '../../repo/tid.ts'
import { error } from '../../xrpc/errors.ts'
import { type Head, setStaging } from '../db/head.ts'
import { BlockReceiver } from './blockReceiver.ts'
import type { ImportDeps } from './importDeps.ts'
import type { ImportMonitor } from './importProgress.ts'
import type { ImportSource } from './verification.ts'

/** Below the 2 MB of a row, its key and revisions included. */
const MAX_BLOCK_BYTES = 1_900_000
/**
 * A repository of a million records has 1.3 million blocks. Each costs 17 to 20 bytes of memory (`DigestTable`): no CAR
 * may fill it.
 */
const MAX_BLOCKS = 2_000_000

/** What was received, and of which commit. */
export interface Received {
  source: ImportSource
  receiver: BlockReceiver
}

/**
 * Reads a CAR, each block checked against its CID. The import begins with the first block; until then nothing is
 * changed. Undefined where it is the commit that is here already: it is read to its end, and nothing is kept.
 */
export const receive = async (
  deps: ImportDeps,
  body: ReadableStream<Uint8Array>,
  options: { limit: number | undefined; signingKey: ImportSource['signingKey']; monitor: ImportMonitor },
): Promise<Received | undefined> => {
  const { sql, repo, repack } = deps
  const { limit, signingKey, monitor } = options
  const limits = {
    section: MAX_BLOCK_BYTES,
    blocks: MAX_BLOCKS,
    paddedLengths: true,
    ...(limit === undefined ? {} : { total: limit }),
  }
  const car = await readCar(body, limits)
  const [root, ...others] = car.roots
  if (!root || others.length > 0) {
    await car.cancel()
    throw error('InvalidRequest', `a repository has one root, this CAR has ${car.roots.length}`)
  }
  if (!isCid(root, { flavor: 'cbor' })) {
    await car.cancel()
    throw error('InvalidRequest', `the root ${root} is not the CID of a commit`)
  }
  // In its turn: a commit that is being signed comes before.
  const begin = (run: Uint8Array): Promise<Received | 'here'> =>
    repo.exclusive(async () => {
      monitor.assertRunning()
      const current = repo.head()
      if (current?.root.equals(root)) return 'here'
      const rev = revisionOf(deps, root, run, current)
      // From now on no repack is begun, and what this import leaves is deleted: no half-written pack goes with it.
      repack.cancel()
      setStaging(sql, rev)
      const source = { root, current, rev, signingKey }
      return { source, receiver: new BlockReceiver(deps, source, monitor) }
    })
  let begun: Received | 'here' | undefined
  for await (const received of car.runs()) {
    const run = minimalLengths(received)
    begun ??= await begin(run)
    monitor.assertRunning()
    monitor.report({}, received.length)
    if (begun !== 'here') await begun.receiver.take(run)
  }
  monitor.assertRunning()
  if (!begun) throw error('InvalidRequest', 'a CAR without blocks')
  return begun === 'here' ? undefined : begun
}

/**
 * The revision with which the blocks are added here: the commit's own, where the commit comes first in the CAR and
 * its revision is above ours, so that the blocks are as old as they say; else a new one.
 */
const revisionOf = (
  { repo, platform }: ImportDeps,
  root: Cid,
  run: Uint8Array,
  current: Head | undefined,
): string => {
  const first = new SectionReader(run)
  if (first.next() && decodeCid(run.slice(first.cidAt, first.blockAt)).equals(root)) {
    const { rev } = parseCommit(run.slice(first.blockAt, first.end))
    if (rev > (current?.rev ?? '') && rev <= nextTid(platform.now() + MAX_REV_AHEAD_MS)) return rev
  }
  return repo.nextRev(...(current ? [current.rev] : []))
}
