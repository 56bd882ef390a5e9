import type { Blocks } from '../../blocks/blocks.ts'
import type { Head } from '../../db/head.ts'
import { StoredTreeWalk, type StoredTreeWalkOptions } from '../../blocks/storedTreeWalk.ts'
import { carOf } from '../carOf.ts'

/** Runs of at most this many bytes are copied into one chunk: large enough that a chunk's own cost does not matter. */
const SMALL_RUN_BYTES = 16 * 1024

/**
 * The CAR of a commit and its tree in chunks. The first one has the commit alone, so that the receiver gets its first
 * byte soon. Sections that are next to each other in storage are a run, which goes out as it is; only short runs are
 * copied. `counter` has the records of the chunks that were taken, and of the one that is being made.
 */
export function* carChunks(
  blocks: Blocks,
  { root, data }: Head,
  options: StoredTreeWalkOptions,
  counter: { records: number } = { records: 0 },
): Generator<Uint8Array> {
  const commit = blocks.read(root)
  if (!commit) throw new Error(`the block ${root} is missing`)
  yield carOf(root, [{ cid: root, bytes: commit }])
  const walk = new StoredTreeWalk(blocks, data, options)
  /** Short runs that are not sent yet, `length` bytes of them. */
  let small = new Uint8Array(SMALL_RUN_BYTES)
  let length = 0
  // The run that grows with each section that follows it in storage.
  let [bytes, start, end]: [Uint8Array, number, number] = [small, 0, 0]
  for (let more = true; more;) {
    more = walk.next()
    if (more && !walk.isNode) counter.records++
    const { section } = walk
    if (more && section.bytes === bytes && section.start === end) {
      end = section.end
      continue
    }
    const run = bytes.subarray(start, end)
    ;({ bytes, start, end } = section)
    if (length > 0 && length + run.length > SMALL_RUN_BYTES) {
      yield small.subarray(0, length)
      ;[small, length] = [new Uint8Array(SMALL_RUN_BYTES), 0]
    }
    if (run.length > SMALL_RUN_BYTES) yield run
    else {
      small.set(run, length)
      length += run.length
    }
  }
  if (length > 0) yield small.subarray(0, length)
}
