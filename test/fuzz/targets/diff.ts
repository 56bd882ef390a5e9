import type { Cid } from '@atproto/lex-data'
import { CarError } from '../../../src/repo/car/carError.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { CommitError, parseCommit } from '../../../src/repo/commit.ts'
import { TreeDiff } from '../../../src/repo/tree/treeDiff.ts'
import { WalkError, walk } from '../../../src/repo/tree/treeWalk.ts'
import { Blocks, streamOf } from '../../repo/fixture.ts'
import type { Target } from '../engine.ts'
import { carOf, forge, sources } from './repo.ts'
import { hex } from './same.ts'

interface Found {
  blocks: Blocks
  after: Cid
  /** The code of the error, if there was one. */
  why: string | undefined
  records: Map<string, Cid>
  nodes: Set<string>
}

const dataOf = (bytes: Uint8Array | undefined): Cid => {
  if (!bytes) throw new CommitError('BadCommit', 'there is no commit')
  return parseCommit(bytes).data
}

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (cause) {
    if (cause instanceof WalkError) return cause.code
    throw cause
  }
}

const content = (root: Cid, blocks: Blocks) => {
  const [records, nodes] = [new Map<string, Cid>(), new Set<string>()]
  for (const item of walk(root, blocks.read))
    if (item.kind === 'node') nodes.add(String(item.cid))
    else records.set(item.key, item.cid)
  return { records, nodes }
}

const same = (what: string, ours: Iterable<string>, theirs: Iterable<string>): void => {
  const [a, b] = [[...ours].sort().join(), [...theirs].sort().join()]
  if (a !== b) throw new Error(`${what}: ${a} by the difference, ${b} by the walk`)
}

/**
 * A CAR over a good repository, which the first byte selects: the tree is refused if a walk of the whole tree refuses
 * it, and the difference turns the old tree into the new one.
 */
export const diff: Target<Uint8Array, Found> = {
  name: 'diff',
  typed: [CarError, CommitError],
  generate: async (random) => {
    const [at, from] = [random.int(sources.length), random.int(sources.length)]
    const source = sources[random.chance(0.3) ? from : at] ?? random.pick(sources)
    return Uint8Array.of(at, ...carOf(random.chance(0.8) ? await forge(source, random) : source, random))
  },
  run: async (input) => {
    const source = sources[(input[0] ?? 0) % sources.length]
    const old = new Blocks(source?.blocks)
    const reader = await readCar(streamOf(input.subarray(1)))
    const blocks = new Blocks(old)
    for await (const { cid, bytes } of reader) blocks.set(cid.toString(), bytes.slice())
    const before = dataOf(source?.blocks.get(String(source.root)))
    const after = dataOf(blocks.get(String(reader.roots[0])))

    const trees = new TreeDiff(before, after, { before: old.read, after: blocks.read })
    const { records, nodes } = content(before, old)
    const why = codeOf(() => {
      for (const item of trees.changes()) {
        if (item.kind === 'node') continue
        if (item.after) records.set(item.path, item.after)
        else records.delete(item.path)
      }
      for (const cid of trees.dropped.values()) nodes.delete(String(cid))
      for (const cid of trees.added.values()) nodes.add(String(cid))
    })
    return { blocks, after, why, records, nodes }
  },
  check: (_, { blocks, after, why, records, nodes }) => {
    const walked = codeOf(() => content(after, blocks))
    if (walked !== why) throw new Error(`${why ?? 'accepted'} by the difference, ${walked} by the walk`)
    if (why !== undefined) return
    const whole = content(after, blocks)
    const named = (map: Map<string, Cid>) => [...map].map(([path, cid]) => `${path} ${cid}`)
    same('records', named(records), named(whole.records))
    same('nodes', nodes, whole.nodes)
  },
  ...hex,
}
