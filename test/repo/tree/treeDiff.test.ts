import { DataDiff, MST, MemoryBlockstore } from '@atproto/repo'
import type { Cid } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TreeDiff } from '../../../src/repo/tree/treeDiff.ts'
import { keyLayer } from '../../../src/repo/tree/treeNode.ts'
import type { Read } from '../../../src/repo/tree/treeWalk.ts'
import { Blocks, post } from '../fixture.ts'
import {
  POOL,
  store,
  type Choice,
  ALL,
  bothWays,
  chosen,
  sample,
  change,
  plain,
  result,
  both,
  expected,
} from './pairs.ts'
import { putTree } from './tree.ts'

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

  test('without a tree before, everything is new', () => {
    const { blocks, values } = store()
    const root = putTree(blocks, chosen(ALL, values))
    const found = result(null, root, both(blocks))
    expect(found).toEqual(expected(null, root, blocks))
    expect(found.changes).toHaveLength(POOL.length)
  })

  test('a record comes with its bytes, and what was read may be overwritten by the next', () => {
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

describe('the cost of a difference', () => {
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

  test('no reads where there is no difference', () => {
    expect(reads(root, root)).toBe(0)
  })

  const highest = [...records.keys()].sort((a, b) => keyLayer(b) - keyLayer(a)).slice(0, 8)
  const others = [0, 17, 4_999, 8_191, 9_998, 9_999].map(key)
  test.each([...others, ...highest])(
    'few reads where one record is changed, deleted or created: %s',
    (path) => {
      for (const other of [changed([[path, two]]), changed([[path, undefined]])]) {
        expect(reads(root, other)).toBeLessThan(60)
        expect(reads(other, root)).toBeLessThan(60)
      }
    },
  )

  test.each([0, 3, 8])('few reads where a record is created in between, on layer %i', (layer) => {
    for (const i of [-1, 0, 5_000, 9_999]) {
      const before = i < 0 ? 'com.example.record/' : `${key(i)}-`
      let n = 0
      while (keyLayer(`${before}${n}`) !== layer) n++
      const other = changed([[`${before}${n}`, two]])
      expect(reads(root, other)).toBeLessThan(60)
      expect(reads(other, root)).toBeLessThan(60)
    }
  })

  test('reads in proportion to the changes, and not to the records', () => {
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

  test('a caller that stops has read no more than what was yielded', () => {
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
