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
import { keysOn, linked, putNode, putTree } from './tree.ts'

type Records = ReadonlyMap<string, Cid>

/** Ascending keys with more of the higher layers than chance gives, so that small trees are deep. */
const POOL = keysOn(
  Array.from({ length: 48 }, (_, i) => [0, 2, 0, 1, 0, 3, 1, 0, 4, 0, 0, 1, 5, 0, 2, 0][i % 16] ?? 0),
)

const store = (): { blocks: Blocks; values: Cid[] } => {
  const blocks = new Blocks()
  return { blocks, values: [0, 1, 2].map((n) => blocks.put(post(`record ${n}`))) }
}

/** By the place in the pool which record is there; none where it is 3. */
type Choice = readonly number[]
const ALL: Choice = POOL.map((_, i) => i % 3)

const choices: fc.Arbitrary<Choice> = fc.array(fc.nat(3), { minLength: POOL.length, maxLength: POOL.length })
const pair = (a: Choice, b: Choice): [Choice, Choice] => [a, b]
const edits = fc.array(fc.tuple(fc.nat(POOL.length - 1), fc.nat(3)), { maxLength: 6 })
const place = fc.nat(POOL.length)
const pairs = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(choices, edits).map(([a, list]) => pair(a, edited(a, list))) },
  { weight: 2, arbitrary: fc.tuple(choices, choices).map(([a, b]) => pair(a, b)) },
  { weight: 1, arbitrary: choices.map((a) => pair(a, [])) },
  // A part of the other, cut off at one end or at both.
  {
    weight: 2,
    arbitrary: fc.tuple(choices, place, place).map(([a, from, to]) => pair(a, part(a, from, to))),
  },
)
const bothWays = fc.tuple(pairs, fc.boolean()).map(([[a, b], turned]) => (turned ? pair(b, a) : pair(a, b)))

const edited = (choice: Choice, list: readonly (readonly [number, number])[]): Choice => {
  const copy = [...choice]
  for (const [at, n] of list) copy[at] = n
  return copy
}
const part = (choice: Choice, from: number, to: number): Choice =>
  choice.map((n, i) => (i >= from && i < to ? n : 3))

const chosen = (choice: Choice, values: readonly Cid[]): Map<string, Cid> =>
  new Map(
    choice.flatMap((n, i) => {
      const [key, cid] = [POOL[i], values[n]]
      return key && cid ? [[key, cid] as const] : []
    }),
  )

const sample = (blocks: Blocks, values: readonly Cid[], by: (i: number) => number): Cid => {
  const choice = POOL.map((_, i) => by(i))
  return putTree(blocks, chosen(choice, values))
}

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

const nodesOf = (root: Cid, read: Read): Cid[] =>
  [...walk(root, read)].flatMap(({ kind, cid }) => (kind === 'node' ? [cid] : []))

/** What `a` has and `b` has not. */
const nodesOnlyIn = (a: Cid | null, b: Cid | null, read: Read): string[] => {
  const names = (root: Cid | null): string[] => (root ? nodesOf(root, read).map(String) : [])
  const others = new Set(names(b))
  return names(a)
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
        const tree = async (choice: Choice): Promise<MST> => {
          let made = await MST.create(storage)
          for (const [key, cid] of chosen(choice, values)) made = await made.add(key, cid)
          for (const { cid, bytes } of (await made.getUnstoredBlocks()).blocks.entries())
            blocks.set(cid.toString(), bytes)
          return made
        }
        const [before, after] = [await tree(a), await tree(b)]
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
    const root = putTree(blocks, chosen(ALL, values))
    const found = result(null, root, both(blocks))
    expect(found).toEqual(expected(null, root, blocks))
    expect(found.changes).toHaveLength(POOL.length)
  })

  test('a record comes with its bytes, and what was read may be written over for the next', () => {
    const { blocks, values } = store()
    const before = putTree(blocks, chosen(ALL, values))
    const after = sample(blocks, values, (i) => (i * 7) % 4)
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
  interface Wounded {
    left: Cid | null
    entries: { key: string; value: Cid; right: Cid | null }[]
  }
  type Wound = (node: Wounded) => Wounded

  /** The tree with these nodes changed, counted in pre-order, and everything above them made to fit. */
  const forged = (blocks: Blocks, root: Cid, wounds: ReadonlyMap<number, Wound>): Cid => {
    let nodes = 0
    const rewrite = (cid: Cid): Cid => {
      const wound = wounds.get(nodes++)
      const { left, entries } = linked(readNode(blocks.read(cid) ?? new Uint8Array()))
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
      // On the same layer, so that only what is around it tells that it is wrong, if it is.
      const peers = POOL.filter((key) => entry && keyLayer(key) === keyLayer(entry.key))
      const key = peers[by.other % peers.length] ?? any
      const come = { key, value, right: null }
      const put = (more: Partial<Wounded['entries'][number]>) =>
        entries.map((e, i) => (i === n ? { ...e, ...more } : e))
      const wounds: Wounded[] = [
        { left: other, entries },
        { left: null, entries },
        { left: entry?.right ?? null, entries },
        { left, entries: [] },
        { left, entries: entries.filter((_, i) => i !== n) },
        { left, entries: [...entries, come].sort((a, b) => (a.key < b.key ? -1 : 1)) },
        { left, entries: put({ right: other }) },
        { left, entries: put({ right: left }) },
        { left, entries: put({ key: any }) },
        { left, entries: put({ key }) },
        { left: null, entries: [{ ...come, right: left }, ...entries] },
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

  test('it is refused exactly if walking the whole of it would refuse it', () => {
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

  test('any node may be the root, or stand where another one stood', () => {
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
    ['standing there twice', (b, l, r) => [good(b, l, r), putNode(b, l, [{ key: top, right: l }])]],
    ['exchanged with another', (b, l, r) => [good(b, l, r), putNode(b, r, [{ key: top, right: l }])]],
    ['a layer too low', (b, l, r) => [good(b, l, r), putNode(b, putNode(b, l, []), [{ key: top }])]],
    ['in front of an empty node', (b, l, r) => [good(b, l, r), good(b, l, putNode(b, null, []))]],
    [
      'that a key before it has cut',
      (b, _l, _r, wide) => [
        putNode(b, wide, [{ key: last }]),
        putNode(b, null, [{ key: top, right: wide }, { key: last }]),
      ],
    ],
    [
      'that a key behind it has cut',
      (b, _l, _r, wide) => [
        putNode(b, wide, [{ key: last }]),
        putNode(b, wide, [{ key: top }, { key: last }]),
      ],
    ],
    [
      'that a key has cut where none was behind it',
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

  test('every block that is missing is missed', () => {
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

  test('a hole in the tree before is no fault of the one after', () => {
    const { blocks, values } = store()
    const before = putTree(blocks, chosen(ALL, values))
    const after = sample(blocks, values, (i) => (i === 7 ? 3 : i % 3))
    const cut = new Blocks(blocks)
    cut.delete(String(before))
    expect(() => result(before, after, { before: cut.read, after: blocks.read })).toThrow(OldTreeError)
  })
})

describe('what a difference costs', () => {
  const blocks = new Blocks()
  const [one, two] = [blocks.put(post('one')), blocks.put(post('two'))]
  const key = (i: number): string => `com.example.record/${String(i * 2).padStart(8, '0')}`
  const records = new Map(Array.from({ length: 10_000 }, (_, i) => [key(i), one] as const))
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
