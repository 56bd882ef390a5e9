import { DataDiff, MST, MemoryBlockstore } from '@atproto/repo'
import type { Cid } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OldTreeError, TreeDiff } from '../../src/repo/diff.ts'
import { keyLayer, readNode } from '../../src/repo/node.ts'
import { keyAt } from '../../src/repo/section.ts'
import { WalkError, walk } from '../../src/repo/walk.ts'
import type { Read } from '../../src/repo/walk.ts'
import { Blocks, post } from './fixture.ts'
import { keysOn, putNode, putTree } from './tree.ts'

type Records = ReadonlyMap<string, Cid>

/** Ascending keys with more of the higher layers than chance gives, so that small trees are deep. */
const POOL = keysOn(
  Array.from({ length: 48 }, (_, i) => [0, 2, 0, 1, 0, 3, 1, 0, 4, 0, 0, 1, 5, 0, 2, 0][i % 16] ?? 0),
)

const store = (): { blocks: Blocks; values: Cid[] } => {
  const blocks = new Blocks()
  return { blocks, values: [0, 1, 2].map((n) => blocks.put(post(`record ${n}`))) }
}

/** By the place in the pool, the record; none where it is 3. */
const choice = fc.array(fc.nat(3), { minLength: POOL.length, maxLength: POOL.length })
const edits = fc.array(fc.tuple(fc.nat(POOL.length - 1), fc.nat(3)), { maxLength: 6 })
const pairs = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(choice, edits).map(([a, list]) => [a, edited(a, list)] as const) },
  { weight: 2, arbitrary: fc.tuple(choice, choice) },
  { weight: 1, arbitrary: choice.map((a) => [a, a.map(() => 3)] as const) },
  // A part of the other, cut off at one end or at both.
  {
    weight: 2,
    arbitrary: fc
      .tuple(choice, fc.nat(POOL.length), fc.nat(POOL.length))
      .map(([a, from, to]) => [a, a.map((n, i) => (i >= from && i < to ? n : 3))] as const),
  },
)
const bothWays = fc.tuple(pairs, fc.boolean()).map(([[a, b], turned]) => (turned ? [b, a] : [a, b]) as const)

const edited = (choice: readonly number[], list: readonly (readonly [number, number])[]): number[] => {
  const copy = [...choice]
  for (const [at, n] of list) copy[at] = n
  return copy
}

const chosen = (choice: readonly number[], values: readonly Cid[]): Map<string, Cid> =>
  new Map(
    choice.flatMap((n, i) => {
      const [key, cid] = [POOL[i], values[n]]
      return key && cid ? [[key, cid] as const] : []
    }),
  )

const change = (path: string, before: Cid | null, after: Cid | null): string =>
  `${path}: ${before} -> ${after}`

/** The difference of two maps. */
const plain = (before: Records, after: Records): string[] =>
  [...new Set([...before.keys(), ...after.keys()])]
    .map((key) => [key, before.get(key) ?? null, after.get(key) ?? null] as const)
    .filter(([, a, b]) => String(a) !== String(b))
    .map(([key, a, b]) => change(key, a, b))
    .sort()

const recordsOf = (root: Cid, read: Read): Map<string, Cid> =>
  new Map([...walk(root, read)].flatMap((item) => (item.kind === 'record' ? [[item.key, item.cid]] : [])))

/** What `a` has and `b` has not. */
const nodesOnlyIn = (a: Cid | null, b: Cid | null, read: Read): string[] => {
  const nodes = (root: Cid | null): string[] =>
    root ? [...walk(root, read)].flatMap(({ kind, cid }) => (kind === 'node' ? [String(cid)] : [])) : []
  const others = new Set(nodes(b))
  return nodes(a)
    .filter((cid) => !others.has(cid))
    .sort()
}

const result = (before: Cid | null, after: Cid, read: { before: Read; after: Read }) => {
  const diff = new TreeDiff(before, after, read)
  const changes: string[] = []
  for (const item of diff.changes())
    if (item.kind === 'record') changes.push(change(item.path, item.before, item.after))
  const names = (nodes: ReadonlyMap<string, Cid>): string[] => [...nodes.values()].map(String).sort()
  for (const nodes of [diff.added, diff.dropped])
    for (const [key, cid] of nodes) expect(key).toBe(keyAt(cid.bytes, 0))
  return { changes: changes.sort(), added: names(diff.added), dropped: names(diff.dropped) }
}

const both = (blocks: Blocks) => ({ before: blocks.read, after: blocks.read })

const expected = (before: Cid | null, after: Cid, { read }: Blocks) => ({
  changes: plain(before ? recordsOf(before, read) : new Map(), recordsOf(after, read)),
  added: nodesOnlyIn(after, before, read),
  dropped: nodesOnlyIn(before, after, read),
})

const refusal = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof WalkError) return error.code
    throw error
  }
}

describe('the difference of two trees', () => {
  test('any two trees differ by the records and nodes that only one of them has', () => {
    fc.assert(
      fc.property(bothWays, ([a, b]) => {
        const { blocks, values } = store()
        const [before, after] = [chosen(a, values), chosen(b, values)]
        const roots = [putTree(blocks, before), putTree(blocks, after)] as const
        const found = result(...roots, both(blocks))
        expect(found).toEqual(expected(...roots, blocks))
        expect(found.changes).toEqual(plain(before, after))
      }),
      { numRuns: 300 },
    )
  })

  test('the reference finds the same difference', async () => {
    await fc.assert(
      fc.asyncProperty(bothWays, async ([a, b]) => {
        const { blocks, values } = store()
        const storage = new MemoryBlockstore()
        const [before, after] = await Promise.all(
          [a, b].map(async (choice) => {
            let tree = await MST.create(storage)
            for (const [key, cid] of chosen(choice, values)) tree = await tree.add(key, cid)
            for (const { cid, bytes } of (await tree.getUnstoredBlocks()).blocks.entries())
              blocks.set(cid.toString(), bytes)
            return tree
          }),
        )
        if (!before || !after) throw new Error('two trees')
        const theirs = await DataDiff.of(after, before)
        const roots = [(await before.getPointer()) as Cid, (await after.getPointer()) as Cid] as const
        const ours = result(...roots, both(blocks))
        expect(ours.changes).toEqual(
          [
            ...theirs.addList().map(({ key, cid }) => change(key, null, cid as Cid)),
            ...theirs.updateList().map(({ key, prev, cid }) => change(key, prev as Cid, cid as Cid)),
            ...theirs.deleteList().map(({ key, cid }) => change(key, cid as Cid, null)),
          ].sort(),
        )
        expect(ours.added).toEqual(theirs.newMstBlocks.cids().map(String).sort())
        const records = new Set(values.map(String))
        const dropped = theirs.removedCids.toList().map(String)
        expect(ours.dropped).toEqual(dropped.filter((cid) => !records.has(cid)).sort())
      }),
      { numRuns: 60 },
    )
  })

  test('of no tree, everything is new', () => {
    const { blocks, values } = store()
    const root = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => i % 3),
        values,
      ),
    )
    const found = result(null, root, both(blocks))
    expect(found).toEqual(expected(null, root, blocks))
    expect(found.changes).toHaveLength(POOL.length)
  })

  test('a record comes with its bytes, and what was read may be written over for the next', () => {
    const { blocks, values } = store()
    const before = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => i % 3),
        values,
      ),
    )
    const after = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => (i * 7) % 4),
        values,
      ),
    )
    const buffer = new Uint8Array(4096)
    const reusing: Read = (cid) => {
      const bytes = blocks.read(cid)
      buffer.fill(0xff)
      if (bytes) buffer.set(bytes)
      return bytes && buffer.subarray(0, bytes.length)
    }
    expect(result(before, after, { before: reusing, after: reusing })).toEqual(
      expected(before, after, blocks),
    )
    for (const item of new TreeDiff(before, after, { before: reusing, after: reusing }).changes())
      if (item.kind === 'node') expect([...item.bytes]).toEqual([...(blocks.read(item.cid) ?? [])])
      else if (item.after) expect([...item.bytes]).toEqual([...(blocks.read(item.after) ?? [])])
  })
})

describe('a tree that is not to be trusted', () => {
  /** The tree with one of its nodes changed, and everything above it made to fit. */
  const forged = (
    blocks: Blocks,
    root: Cid,
    victim: number,
    wound: (node: Wounded) => Wounded,
  ): { root: Cid; nodes: number } => {
    let nodes = 0
    const rewrite = (cid: Cid): Cid => {
      const { left, entries } = readNode(blocks.read(cid) ?? new Uint8Array())
      const mine = nodes++ === victim
      const copy = {
        left: left && rewrite(left),
        entries: entries.map((entry) => ({ ...entry, right: entry.right && rewrite(entry.right) })),
      }
      const { left: l, entries: e } = mine ? wound(copy) : copy
      return putNode(blocks, l, e)
    }
    return { root: rewrite(root), nodes }
  }
  interface Wounded {
    left: Cid | null
    entries: { key: string; value: Cid; right: Cid | null }[]
  }

  const wounds = fc.record({
    kind: fc.nat(8),
    victim: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    at: fc.nat(3),
    link: fc.nat(500),
  })

  const wounded =
    ({ kind, at, link }: { kind: number; at: number; link: number }, links: readonly Cid[], value: Cid) =>
    ({ left, entries }: Wounded): Wounded => {
      const other = links[link % links.length] ?? null
      const n = at % Math.max(1, entries.length)
      const entry = entries[n]
      const without = entries.filter((_, i) => i !== n)
      const key = POOL[link % POOL.length] ?? ''
      if (kind === 0) return { left: other, entries }
      if (kind === 1) return { left: null, entries }
      if (kind === 2) return { left, entries: without }
      if (kind === 3) return { left, entries: [] }
      if (kind === 4) return { left: entry?.right ?? null, entries }
      if (kind === 5)
        return {
          left,
          entries: [...entries, { key, value, right: null }].sort((a, b) => (a.key < b.key ? -1 : 1)),
        }
      if (kind === 6) return { left, entries: entries.map((e, i) => (i === n ? { ...e, right: other } : e)) }
      if (kind === 7) return { left, entries: entries.map((e, i) => (i === n ? { ...e, right: left } : e)) }
      return { left, entries: entries.map((e, i) => (i === n ? { ...e, key } : e)) }
    }

  test('it is refused exactly if walking the whole of it would refuse it', () => {
    const outcomes = { good: 0, bad: 0 }
    fc.assert(
      fc.property(bothWays, fc.array(wounds, { minLength: 1, maxLength: 2 }), ([a, b], list) => {
        const { blocks, values } = store()
        const before = putTree(blocks, chosen(a, values))
        let after = putTree(blocks, chosen(b, values))
        const links = [before, after].flatMap((root) =>
          [...walk(root, blocks.read)].flatMap(({ kind, cid }) => (kind === 'node' ? [cid] : [])),
        )
        for (const wound of list) {
          const { nodes } = forged(blocks, after, -1, (node) => node)
          const victim = Math.floor(wound.victim * nodes)
          after = forged(blocks, after, victim, wounded(wound, links, values[0] ?? before)).root
          // A link may lead to anywhere, but no further than a tree that ends.
          if (nodes > 500) return
        }
        const why = refusal(() => [...walk(after, blocks.read)])
        outcomes[why ? 'bad' : 'good']++
        if (why) expect(refusal(() => result(before, after, both(blocks)))).toBe(why)
        else expect(result(before, after, both(blocks))).toEqual(expected(before, after, blocks))
      }),
      { numRuns: 1500 },
    )
    expect(outcomes.bad).toBeGreaterThan(300)
    expect(outcomes.good).toBeGreaterThan(100)
  })

  test('any node of either tree may be the root, or stand where the other tree had another', () => {
    const { blocks, values } = store()
    const before = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => i % 3),
        values,
      ),
    )
    const nodes = [...walk(before, blocks.read)].flatMap(({ kind, cid }) => (kind === 'node' ? [cid] : []))
    for (const after of nodes) {
      const why = refusal(() => [...walk(after, blocks.read)])
      expect(refusal(() => result(before, after, both(blocks)))).toBe(why)
      if (why) continue
      expect(result(before, after, both(blocks))).toEqual(expected(before, after, blocks))
      expect(result(after, before, both(blocks))).toEqual(expected(after, before, blocks))
    }
    const { nodes: count } = forged(blocks, before, -1, (node) => node)
    for (let victim = 0; victim < count; victim++)
      for (const other of [null, ...nodes]) {
        const { root: after } = forged(blocks, before, victim, (node) => ({ ...node, left: other }))
        const why = refusal(() => [...walk(after, blocks.read)])
        expect(refusal(() => result(before, after, both(blocks)))).toBe(why)
      }
  })

  const [low = '', top = '', high = '', beyond = ''] = keysOn([0, 1, 0, 1])
  const shared: [string, (blocks: Blocks, left: Cid, right: Cid) => Cid][] = [
    ['a subtree moved to the left', (b, _, right) => putNode(b, right, [{ key: top }])],
    ['a subtree moved to the right', (b, left) => putNode(b, null, [{ key: top, right: left }])],
    ['the same subtree twice', (b, left) => putNode(b, left, [{ key: top, right: left }])],
    ['subtrees exchanged', (b, left, right) => putNode(b, right, [{ key: top, right: left }])],
    ['a subtree a layer too low', (b, left) => putNode(b, putNode(b, left, []), [{ key: top }])],
    [
      'a subtree behind a record that it should be before',
      (b, left, right) => putNode(b, left, [{ key: top }, { key: beyond, right }]),
    ],
    ['an empty node', (b, left) => putNode(b, left, [{ key: top, right: putNode(b, null, []) }])],
  ]

  test.each(shared)('%s is refused, though the tree before has it', (_, make) => {
    const { blocks } = store()
    blocks.put(post('a record'))
    const left = putNode(blocks, null, [{ key: low }])
    const right = putNode(blocks, null, [{ key: high }])
    const before = putNode(blocks, left, [{ key: top, right }])
    expect(refusal(() => [...walk(before, blocks.read)])).toBe(undefined)
    const after = make(blocks, left, right)
    expect(refusal(() => [...walk(after, blocks.read)])).toBe('BadTree')
    expect(refusal(() => result(before, after, both(blocks)))).toBe('BadTree')
  })

  test('every block that is missing is missed', () => {
    const { blocks, values } = store()
    const before = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => (i % 5 === 1 ? 3 : i % 2)),
        values,
      ),
    )
    const whole = new Blocks(blocks)
    const after = putTree(
      whole,
      chosen(
        POOL.map((_, i) => (i % 7 === 1 ? 2 : i % 2)),
        values,
      ),
    )
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

  test('a hole in the tree before is no fault of the one after', () => {
    const { blocks, values } = store()
    const before = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => i % 3),
        values,
      ),
    )
    const after = putTree(
      blocks,
      chosen(
        POOL.map((_, i) => (i === 7 ? 3 : i % 3)),
        values,
      ),
    )
    const cut = new Blocks(blocks)
    cut.delete(String(before))
    expect(() => result(before, after, { before: cut.read, after: blocks.read })).toThrow(OldTreeError)
  })
})

describe('what a difference costs', () => {
  const { blocks, values } = store()
  const [one, two] = values
  const key = (i: number): string => `com.example.record/${String(i * 2).padStart(8, '0')}`
  const records = new Map(
    Array.from({ length: 10_000 }, (_, i) => [key(i), one ?? values[0]] as [string, Cid]),
  )
  const root = putTree(blocks, records)

  const reads = (before: Cid, after: Cid): number => {
    let count = 0
    const counting: Read = (cid) => {
      count++
      return blocks.read(cid)
    }
    for (const _ of new TreeDiff(before, after, { before: counting, after: counting }).changes());
    return count
  }
  const changed = (list: readonly (readonly [string, Cid | undefined])[]): Cid => {
    const copy = new Map(records)
    for (const [path, cid] of list)
      if (cid) copy.set(path, cid)
      else copy.delete(path)
    return putTree(blocks, copy)
  }

  test('nothing where there is no difference', () => {
    expect(reads(root, root)).toBe(0)
  })

  const highest = [...records.keys()].sort((a, b) => keyLayer(b) - keyLayer(a)).slice(0, 8)
  const others = [0, 17, 4_999, 8_191, 9_998, 9_999].map(key)
  test.each([...others, ...highest])(
    'little, where one record is another or has gone or come: %s',
    (path) => {
      for (const other of [changed([[path, two]]), changed([[path, undefined]])]) {
        expect(reads(root, other)).toBeLessThan(60)
        expect(reads(other, root)).toBeLessThan(60)
      }
    },
  )

  test.each([0, 3, 8])('little, where a record comes in between, on layer %i', (layer) => {
    for (const i of [-1, 0, 5_000, 9_999]) {
      const before = i < 0 ? 'com.example.record/' : `${key(i)}-`
      let n = 0
      while (keyLayer(`${before}${n}`) !== layer) n++
      const other = changed([[`${before}${n}`, two]])
      expect(reads(root, other)).toBeLessThan(60)
      expect(reads(other, root)).toBeLessThan(60)
    }
  })

  test('as much as there are changes, not as much as there are records', () => {
    for (const step of [5_000, 1_000, 200]) {
      const list = Array.from(
        { length: 10_000 / step },
        (_, i) => [key(i * step + 7), i % 2 ? two : undefined] as const,
      )
      expect(reads(root, changed(list))).toBeLessThan(60 * list.length)
    }
    const appended = Array.from({ length: 300 }, (_, i) => [key(10_000 + i), two] as const)
    expect(reads(root, changed(appended))).toBeLessThan(60 + 2 * appended.length)
  })

  test('whoever gives up has read no more than what he was given', () => {
    const other = changed([...records.keys()].map((path) => [path, two] as const))
    let count = 0
    const counting: Read = (cid) => {
      count++
      return blocks.read(cid)
    }
    let given = 0
    for (const _ of new TreeDiff(root, other, { before: counting, after: counting }).changes())
      if (++given === 100) break
    expect(count).toBe(100)
  })
})
