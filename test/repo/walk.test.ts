import { MST, MemoryBlockstore } from '@atproto/repo'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WalkError, walk } from '../../src/repo/walk.ts'
import type { GetMany, WalkErrorCode, WalkItem, WalkOptions } from '../../src/repo/walk.ts'
import type { Cid } from '@atproto/lex-data'
import { Blocks, cborCid, post, posts, referenceRepo } from './fixture.ts'
import { keysOn, putNode, value } from './tree.ts'

const all = async (root: Cid, getMany: GetMany, options?: WalkOptions): Promise<WalkItem[]> => {
  const items = []
  for await (const item of walk(root, getMany, options)) items.push(item)
  return items
}

const refusal = async (
  root: Cid,
  blocks: Blocks,
  options?: WalkOptions,
): Promise<WalkErrorCode | undefined> => {
  try {
    await all(root, blocks.getMany, options)
    return undefined
  } catch (error) {
    if (error instanceof WalkError) return error.code
    throw error
  }
}

const names = (items: readonly WalkItem[]) =>
  items.map((item) => (item.kind === 'node' ? String(item.cid) : item.key))

/** The same walk, written to be obviously right: no batches, everything in memory. */
const simple = async (tree: MST): Promise<string[]> => {
  const order = [String(await tree.getPointer())]
  for (const entry of await tree.getEntries()) {
    if (entry.isLeaf()) order.push(entry.key)
    else order.push(...(await simple(entry)))
  }
  return order
}

const build = async (keys: readonly string[]) => {
  const storage = new MemoryBlockstore()
  const blocks = new Blocks()
  blocks.put(post('a record'))
  let tree = await MST.create(storage)
  for (const key of keys) tree = await tree.add(key, value)
  const unstored = await tree.getUnstoredBlocks()
  for (const { cid, bytes } of unstored.blocks.entries()) blocks.set(cid.toString(), bytes)
  return { tree, blocks, root: unstored.root as Cid }
}

const keys = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('com.example.a', 'com.example.ab', 'org.other.b'),
    fc.stringMatching(/^[a-z0-9~_:.-]{1,6}$/),
  ),
  { maxLength: 120, selector: ([collection, rkey]) => `${collection}/${rkey}` },
)

describe('walking a tree', () => {
  test('the reference’s trees are walked in pre-order, whatever the batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        keys,
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 0, max: 4000 }),
        fc.integer({ min: 1, max: 10 }),
        async (pairs, batch, ahead, answered) => {
          const paths = pairs
            .filter(([, rkey]) => rkey !== '.' && rkey !== '..')
            .map((pair) => pair.join('/'))
          const { tree, blocks, root } = await build(paths)
          // Answers as many as it likes: only the first is owed.
          const getMany: GetMany = async (cids) => {
            expect(cids.length).toBeLessThanOrEqual(batch)
            return blocks.getMany(cids.slice(0, answered))
          }
          expect(names(await all(root, getMany, { batch, ahead }))).toEqual(await simple(tree))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('an empty repository is one empty node', async () => {
    const { root, blocks } = await build([])
    expect(names(await all(root, blocks.getMany))).toEqual([String(root)])
  })

  test('records can be left out, and then are not fetched', async () => {
    const { data, blocks } = await referenceRepo(posts(100))
    const items = await all(data, blocks.getMany, { records: false })
    const records = items.filter((item) => item.kind === 'record')
    expect(records).toHaveLength(100)
    for (const { bytes, cid } of records) {
      expect(bytes).toBe(undefined)
      blocks.delete(cid.toString())
    }
    expect(await refusal(data, blocks, { records: false })).toBe(undefined)
    expect(await refusal(data, blocks)).toBe('MissingBlock')
  })

  test('blocks are fetched many at a time and few are held', async () => {
    const { data, blocks } = await referenceRepo(posts(2000))
    let calls = 0
    let fetched = 0
    let visited = 0
    let held = 0
    const getMany: GetMany = (cids) => {
      calls++
      fetched += cids.length
      return blocks.getMany(cids)
    }
    for await (const _ of walk(data, getMany)) held = Math.max(held, fetched - ++visited)
    expect(fetched).toBe(visited)
    expect(calls).toBeLessThan(visited / 40)
    expect(held).toBeLessThan(600)
  })

  test('large blocks are not fetched ahead of need', async () => {
    const records = Object.fromEntries(
      Object.keys(posts(60)).map((path, i) => [path, post(`${i}${'x'.repeat(100_000)}`)]),
    )
    const { data, blocks } = await referenceRepo(records)
    let held = 0
    let peak = 0
    const getMany: GetMany = (cids) => {
      const found = new Map<string, Uint8Array>()
      let size = 0
      for (const cid of cids) {
        const bytes = blocks.get(cid.toString())
        if (bytes) found.set(cid.toString(), bytes)
        size += bytes?.length ?? 0
        if (size > 300_000) break
      }
      held += size
      peak = Math.max(peak, held)
      return found
    }
    for await (const { bytes } of walk(data, getMany, { ahead: 200_000 })) held -= bytes?.length ?? 0
    expect(peak).toBeLessThan(900_000)
  })

  test('every block that is missing is missed', async () => {
    const { data, blocks } = await referenceRepo(posts(60))
    const needed = new Set((await all(data, blocks.getMany)).map(({ cid }) => cid.toString()))
    for (const cid of needed) {
      const bytes = blocks.get(cid)
      blocks.delete(cid)
      expect(await refusal(data, blocks)).toBe('MissingBlock')
      if (bytes) blocks.set(cid, bytes)
    }
  })

  test('with `hash`, every block that was exchanged is noticed', async () => {
    const { data, blocks } = await referenceRepo(posts(10))
    expect(await refusal(data, blocks, { hash: true })).toBe(undefined)
    const [record] = (await all(data, blocks.getMany)).filter((item) => item.kind === 'record')
    blocks.set(String(record?.cid), new Uint8Array([0xa0]))
    expect(await refusal(data, blocks, { hash: true })).toBe('HashMismatch')
    expect(await refusal(data, blocks)).toBe(undefined)
  })
})

describe('trees that no repository has', () => {
  const [low = '', top = '', high = ''] = keysOn([0, 1, 0])
  const fresh = (): Blocks => {
    const blocks = new Blocks()
    blocks.put(post('a record'))
    return blocks
  }
  const bad: [string, (blocks: Blocks) => Cid][] = [
    ['a root with a subtree only', (b) => putNode(b, putNode(b, null, [{ key: low }]), [])],
    ['an empty node on the left', (b) => putNode(b, putNode(b, null, []), [{ key: top }])],
    ['an empty node on the right', (b) => putNode(b, null, [{ key: top, right: putNode(b, null, []) }])],
    [
      'a key on the left that is greater',
      (b) => putNode(b, putNode(b, null, [{ key: high }]), [{ key: top }]),
    ],
    [
      'a key on the right that is smaller',
      (b) => putNode(b, null, [{ key: top, right: putNode(b, null, [{ key: low }]) }]),
    ],
    [
      'the same subtree twice',
      (b) => {
        const child = putNode(b, null, [{ key: low }])
        return putNode(b, child, [{ key: top, right: child }])
      },
    ],
    [
      'the same key in two nodes',
      (b) =>
        putNode(b, null, [
          { key: top, right: putNode(b, putNode(b, null, [{ key: high }]), [{ key: top }]) },
        ]),
    ],
    [
      'a subtree below layer 0',
      (b) => putNode(b, putNode(b, null, [{ key: low }]), [{ key: keysOn([0, 0])[1] ?? '' }]),
    ],
    [
      'a layer left out',
      (b) => {
        const [first = '', second = ''] = keysOn([0, 2])
        return putNode(b, putNode(b, null, [{ key: first }]), [{ key: second }])
      },
    ],
    [
      'a child on its parent’s layer',
      (b) => {
        const [first = '', second = ''] = keysOn([1, 1])
        return putNode(b, putNode(b, null, [{ key: first }]), [{ key: second }])
      },
    ],
    ['a child that is a record', (b) => putNode(b, value, [{ key: top }])],
    ['a root that is a record', () => value],
  ]
  test.each(bad)('%s is refused', async (_, make) => {
    const blocks = fresh()
    expect(await refusal(make(blocks), blocks)).toBe('BadTree')
  })

  test('the same shapes, done right, are accepted', async () => {
    const blocks = fresh()
    const left = putNode(blocks, null, [{ key: low }])
    const right = putNode(blocks, null, [{ key: high }])
    expect(await refusal(putNode(blocks, left, [{ key: top, right }]), blocks)).toBe(undefined)
    const [first = '', second = ''] = keysOn([0, 2])
    const between = putNode(blocks, putNode(blocks, null, [{ key: first }]), [])
    expect(await refusal(putNode(blocks, between, [{ key: second }]), blocks)).toBe(undefined)
  })

  test('a tree that contains itself ends, though no hash allows it', async () => {
    const blocks = fresh()
    const self = cborCid(new Uint8Array([1]))
    for (const shape of [
      () => putNode(blocks, self, []),
      () => putNode(blocks, self, [{ key: top }]),
      () => putNode(blocks, null, [{ key: top, right: self }]),
    ]) {
      const bytes = blocks.get(shape().toString())
      if (bytes) blocks.set(self.toString(), bytes)
      const root = putNode(blocks, self, [{ key: keysOn([5])[0] ?? '' }])
      expect(await refusal(root, blocks)).toBe('BadTree')
    }
  })

  test('a node of thirty thousand entries is read', async () => {
    const blocks = fresh()
    const keys = keysOn(Array.from({ length: 30_000 }, () => 0))
    expect(
      await refusal(
        putNode(
          blocks,
          null,
          keys.map((key) => ({ key })),
        ),
        blocks,
      ),
    ).toBe(undefined)
    const items = await all(
      putNode(
        blocks,
        null,
        keys.map((key) => ({ key })),
      ),
      blocks.getMany,
    )
    expect(items).toHaveLength(30_001)
  })
})
