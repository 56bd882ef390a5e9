/** Pairs of trees, and their difference, computed in the simplest way. */
import type { Cid } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { TreeDiff } from '../../../src/repo/tree/treeDiff.ts'
import { type Read, WalkError, walk } from '../../../src/repo/tree/treeWalk.ts'
import { Blocks, post } from '../fixture.ts'
import { keysOn, putTree } from './tree.ts'
import { cidKeyAt } from '../../../src/repo/cidBytes.ts'

type Records = ReadonlyMap<string, Cid>

/** Ascending keys, with more on the higher layers than at random, so that small trees are deep. */
export const POOL = keysOn(
  Array.from({ length: 48 }, (_, i) => [0, 2, 0, 1, 0, 3, 1, 0, 4, 0, 0, 1, 5, 0, 2, 0][i % 16] ?? 0),
)

export const store = (): { blocks: Blocks; values: Cid[] } => {
  const blocks = new Blocks()
  return { blocks, values: [0, 1, 2].map((n) => blocks.put(post(`record ${n}`))) }
}

/** For each key of the pool, which record it has; 3: none. */
export type Choice = readonly number[]
export const ALL: Choice = POOL.map((_, i) => i % 3)

const choices: fc.Arbitrary<Choice> = fc.array(fc.nat(3), { minLength: POOL.length, maxLength: POOL.length })
const pair = (a: Choice, b: Choice): [Choice, Choice] => [a, b]
const edits = fc.array(fc.tuple(fc.nat(POOL.length - 1), fc.nat(3)), { maxLength: 6 })
const place = fc.nat(POOL.length)
const pairs = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(choices, edits).map(([a, list]) => pair(a, edited(a, list))) },
  { weight: 2, arbitrary: fc.tuple(choices, choices).map(([a, b]) => pair(a, b)) },
  { weight: 1, arbitrary: choices.map((a) => pair(a, [])) },
  // The other tree, cut off at one end or at both.
  {
    weight: 2,
    arbitrary: fc.tuple(choices, place, place).map(([a, from, to]) => pair(a, between(a, from, to))),
  },
)
export const bothWays = fc
  .tuple(pairs, fc.boolean())
  .map(([[a, b], turned]) => (turned ? pair(b, a) : pair(a, b)))

const edited = (choice: Choice, list: readonly (readonly [number, number])[]): Choice => {
  const copy = [...choice]
  for (const [at, n] of list) copy[at] = n
  return copy
}
const between = (choice: Choice, from: number, to: number): Choice =>
  choice.map((n, i) => (i >= from && i < to ? n : 3))

export const chosen = (choice: Choice, values: readonly Cid[]): Map<string, Cid> =>
  new Map(
    choice.flatMap((n, i) => {
      const [key, cid] = [POOL[i], values[n]]
      return key && cid ? [[key, cid] as const] : []
    }),
  )

export const sample = (blocks: Blocks, values: readonly Cid[], by: (i: number) => number): Cid => {
  const choice = POOL.map((_, i) => by(i))
  return putTree(blocks, chosen(choice, values))
}

export const change = (path: string, before: Cid | null, after: Cid | null): string =>
  `${path}: ${before} -> ${after}`

/** The difference of two maps. */
export const plain = (before: Records, after: Records): string[] =>
  [...new Set([...before.keys(), ...after.keys()])]
    .map((key) => [key, before.get(key) ?? null, after.get(key) ?? null] as const)
    .filter(([, a, b]) => String(a) !== String(b))
    .map(([key, a, b]) => change(key, a, b))
    .sort()

const recordsOf = (root: Cid, read: Read): Map<string, Cid> =>
  new Map([...walk(root, read)].flatMap((item) => (item.kind === 'record' ? [[item.key, item.cid]] : [])))

export const nodesOf = (root: Cid, read: Read): Cid[] =>
  [...walk(root, read)].flatMap(({ kind, cid }) => (kind === 'node' ? [cid] : []))

/** What `a` has and `b` does not have. */
export const nodesOnlyIn = (a: Cid | null, b: Cid | null, read: Read): string[] => {
  const names = (root: Cid | null): string[] => (root ? nodesOf(root, read).map(String) : [])
  const others = new Set(names(b))
  return names(a)
    .filter((cid) => !others.has(cid))
    .sort()
}

export const result = (before: Cid | null, after: Cid, read: { before: Read; after: Read }) => {
  const diff = new TreeDiff(before, after, read)
  const changes: string[] = []
  for (const item of diff.changes())
    if (item.kind === 'record') changes.push(change(item.path, item.before, item.after))
  const names = (nodes: ReadonlyMap<string, Cid>): string[] => [...nodes.values()].map(String).sort()
  for (const nodes of [diff.added, diff.dropped])
    for (const [key, cid] of nodes) expect(key).toBe(cidKeyAt(cid.bytes, 0))
  return { changes: changes.sort(), added: names(diff.added), dropped: names(diff.dropped) }
}

export const both = (blocks: Blocks) => ({ before: blocks.read, after: blocks.read })

export const expected = (before: Cid | null, after: Cid, { read }: Blocks) => ({
  changes: plain(before ? recordsOf(before, read) : new Map(), recordsOf(after, read)),
  added: nodesOnlyIn(after, before, read),
  dropped: nodesOnlyIn(before, after, read),
})

export const refusal = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof WalkError) return error.code
    throw error
  }
}
