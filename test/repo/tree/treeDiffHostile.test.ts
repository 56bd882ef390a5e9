import type { Cid } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OldTreeError } from '../../../src/repo/tree/treeDiff.ts'
import { keyLayer, parseNodeUnchecked } from '../../../src/repo/tree/treeNode.ts'
import { walk } from '../../../src/repo/tree/treeWalk.ts'
import { Blocks, post } from '../fixture.ts'
import {
  POOL,
  store,
  ALL,
  bothWays,
  chosen,
  sample,
  nodesOf,
  nodesOnlyIn,
  result,
  both,
  expected,
  refusal,
} from './pairs.ts'
import { keysOn, linked, putNode, putTree } from './tree.ts'

describe('a tree that cannot be trusted', () => {
  interface Wounded {
    left: Cid | null
    entries: { key: string; value: Cid; right: Cid | null }[]
  }
  type Wound = (node: Wounded) => Wounded

  /** The tree with these nodes (by their numbers in pre-order) changed, and all nodes above them adapted. */
  const forged = (blocks: Blocks, root: Cid, wounds: ReadonlyMap<number, Wound>): Cid => {
    let nodes = 0
    const rewrite = (cid: Cid): Cid => {
      const wound = wounds.get(nodes++)
      const { left, entries } = linked(parseNodeUnchecked(blocks.read(cid) ?? new Uint8Array()))
      const node = {
        left: left && rewrite(left),
        entries: entries.map((entry) => ({ ...entry, right: entry.right && rewrite(entry.right) })),
      }
      const made = wound ? wound(node) : node
      return putNode(blocks, made.left, made.entries)
    }
    return rewrite(root)
  }

  const wounds = fc.record({ kind: fc.nat(10), victim: fc.nat(1000), at: fc.nat(3), other: fc.nat(1000) })
  type ByChance = typeof wounds extends fc.Arbitrary<infer T> ? T : never

  const wound = (by: ByChance, links: readonly Cid[], value: Cid): Wound => {
    const other = links[by.other % links.length] ?? null
    const any = POOL[by.other % POOL.length] ?? ''
    return ({ left, entries }) => {
      const n = by.at % Math.max(1, entries.length)
      const entry = entries[n]
      // On the same layer, so that only its neighbours show that it is wrong, if it is.
      const peers = POOL.filter((key) => entry && keyLayer(key) === keyLayer(entry.key))
      const key = peers[by.other % peers.length] ?? any
      const added = { key, value, right: null }
      const put = (more: Partial<Wounded['entries'][number]>) =>
        entries.map((e, i) => (i === n ? { ...e, ...more } : e))
      const wounds: Wounded[] = [
        { left: other, entries },
        { left: null, entries },
        { left: entry?.right ?? null, entries },
        { left, entries: [] },
        { left, entries: entries.filter((_, i) => i !== n) },
        { left, entries: [...entries, added].sort((a, b) => (a.key < b.key ? -1 : 1)) },
        { left, entries: put({ right: other }) },
        { left, entries: put({ right: left }) },
        { left, entries: put({ key: any }) },
        { left, entries: put({ key }) },
        { left: null, entries: [{ ...added, right: left }, ...entries] },
      ]
      return wounds[by.kind] ?? { left, entries }
    }
  }

  const agree = (before: Cid, after: Cid, blocks: Blocks): 'good' | 'bad' => {
    const why = refusal(() => [...walk(after, blocks.read)])
    if (why) expect(refusal(() => result(before, after, both(blocks)))).toBe(why)
    else expect(result(before, after, both(blocks))).toEqual(expected(before, after, blocks))
    return why ? 'bad' : 'good'
  }

  test('it is refused exactly if a walk of the whole tree refuses it', () => {
    const outcomes = { good: 0, bad: 0 }
    fc.assert(
      fc.property(bothWays, fc.array(wounds, { minLength: 1, maxLength: 2 }), ([a, b], list) => {
        const { blocks, values } = store()
        const [before, sound] = [putTree(blocks, chosen(a, values)), putTree(blocks, chosen(b, values))]
        const own = nodesOf(sound, blocks.read)
        const links = [...nodesOf(before, blocks.read), ...own]
        const chance = list.map(
          (by) => [by.victim % own.length, wound(by, links, values[0] ?? before)] as const,
        )
        const after = forged(blocks, sound, new Map(chance))
        outcomes[agree(before, after, blocks)]++
      }),
      { numRuns: 400 },
    )
    expect(outcomes.bad).toBeGreaterThan(100)
    expect(outcomes.good).toBeGreaterThan(30)
  })

  test('any node may be the root, or be in the position of another', () => {
    const { blocks, values } = store()
    const before = putTree(blocks, chosen(ALL.slice(0, 16), values))
    const nodes = nodesOf(before, blocks.read)
    for (const [victim, cid] of nodes.entries()) {
      if (agree(before, cid, blocks) === 'good') agree(cid, before, blocks)
      for (const other of [null, ...nodes]) {
        const wounds = new Map([[victim, (node: Wounded) => ({ ...node, left: other })]])
        agree(before, forged(blocks, before, wounds), blocks)
      }
    }
  })

  const [first = '', low = '', top = '', high = '', last = ''] = keysOn([1, 0, 1, 0, 1])
  type Made = (blocks: Blocks, left: Cid, right: Cid, wide: Cid) => [before: Cid, after: Cid]
  const good = (b: Blocks, left: Cid, right: Cid) => putNode(b, left, [{ key: top, right }])
  const shared: [string, Made][] = [
    ['moved to the left', (b, l, r) => [good(b, l, r), putNode(b, r, [{ key: top }])]],
    ['moved to the right', (b, l, r) => [good(b, l, r), putNode(b, null, [{ key: top, right: l }])]],
    ['in the tree twice', (b, l, r) => [good(b, l, r), putNode(b, l, [{ key: top, right: l }])]],
    ['exchanged with another', (b, l, r) => [good(b, l, r), putNode(b, r, [{ key: top, right: l }])]],
    ['a layer too low', (b, l, r) => [good(b, l, r), putNode(b, putNode(b, l, []), [{ key: top }])]],
    ['in front of an empty node', (b, l, r) => [good(b, l, r), good(b, l, putNode(b, null, []))]],
    [
      'that a key before it cuts off',
      (b, _l, _r, wide) => [
        putNode(b, wide, [{ key: last }]),
        putNode(b, null, [{ key: top, right: wide }, { key: last }]),
      ],
    ],
    [
      'that a key after it cuts off',
      (b, _l, _r, wide) => [
        putNode(b, wide, [{ key: last }]),
        putNode(b, wide, [{ key: top }, { key: last }]),
      ],
    ],
    [
      'that a key cuts off where none was after it',
      (b, _l, _r, wide) => [
        putNode(b, null, [{ key: first, right: wide }]),
        putNode(b, null, [{ key: first, right: wide }, { key: top }]),
      ],
    ],
  ]

  test.each(shared)('a subtree of the tree before is refused, %s', (_, make) => {
    const blocks = new Blocks()
    blocks.put(post('a record'))
    const left = putNode(blocks, null, [{ key: low }])
    const right = putNode(blocks, null, [{ key: high }])
    const wide = putNode(blocks, null, [{ key: low }, { key: high }])
    const [before, after] = make(blocks, left, right, wide)
    expect(refusal(() => [...walk(before, blocks.read)])).toBe(undefined)
    expect(refusal(() => [...walk(after, blocks.read)])).toBe('BadTree')
    expect(refusal(() => result(before, after, both(blocks)))).toBe('BadTree')
  })

  test('every missing block is noticed', () => {
    const { blocks, values } = store()
    const before = sample(blocks, values, (i) => (i % 5 === 1 ? 3 : i % 2))
    const whole = new Blocks(blocks)
    const after = sample(whole, values, (i) => (i % 7 === 1 ? 2 : i % 2))
    const [, , third] = values
    const added = [...nodesOnlyIn(after, before, whole.read), String(third)]
    expect(added.length).toBeGreaterThan(8)
    for (const cid of added) {
      const cut = new Blocks(whole)
      cut.delete(cid)
      expect(refusal(() => result(before, after, { before: blocks.read, after: cut.read }))).toBe(
        'MissingBlock',
      )
    }
  })

  test('a missing block of the tree before is not an error of the tree after', () => {
    const { blocks, values } = store()
    const before = putTree(blocks, chosen(ALL, values))
    const after = sample(blocks, values, (i) => (i === 7 ? 3 : i % 3))
    const cut = new Blocks(blocks)
    cut.delete(String(before))
    expect(() => result(before, after, { before: cut.read, after: blocks.read })).toThrow(OldTreeError)
  })
})
