import { MST, MemoryBlockstore } from '@atproto/repo'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WalkError, walk } from '../../../src/repo/tree/treeWalk.ts'
import type { Read, WalkErrorCode, WalkItem, WalkOptions } from '../../../src/repo/tree/treeWalk.ts'
import type { Cid } from '@atproto/lex-data'
import { Blocks, cborCid, post, posts, referenceRepo } from '../fixture.ts'
import { byLinks, keysOn, putNode, value } from './tree.ts'

const all = (root: Cid, read: Read, options?: WalkOptions): WalkItem[] => [...walk(root, read, options)]

const refusal = (root: Cid, blocks: Blocks, options?: WalkOptions): WalkErrorCode | undefined => {
  try {
    all(root, blocks.read, options)
    return undefined
  } catch (error) {
    if (error instanceof WalkError) return error.code
    throw error
  }
}

const names = (items: readonly WalkItem[]) =>
  items.map((item) => (item.kind === 'node' ? String(item.cid) : item.key))

/** The same walk in the simplest form, so that it is obviously right. */
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

const paths = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom('com.example.a', 'com.example.ab', 'org.other.b'),
      fc.stringMatching(/^[a-z0-9~_:.-]{1,6}$/).filter((rkey) => rkey !== '.' && rkey !== '..'),
    ),
    { maxLength: 120, selector: (pair) => pair.join('/') },
  )
  .map((pairs) => pairs.map((pair) => pair.join('/')))

describe('walking a tree', () => {
  test('the reference’s trees are walked in pre-order', async () => {
    await fc.assert(
      fc.asyncProperty(paths, async (keys) => {
        const { tree, blocks, root } = await build(keys)
        expect(names(all(root, blocks.read))).toEqual(await simple(tree))
      }),
      { numRuns: 60 },
    )
  })

  test('the links of nodes alone lead through a tree in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(paths, async (keys) => {
        const { blocks, root } = await build(keys)
        const items = all(root, blocks.read).map(({ kind, cid }) => `${kind} ${cid}`)
        expect(byLinks(root, blocks)).toEqual(items)
      }),
      { numRuns: 30 },
    )
    const { blocks, data } = await referenceRepo(posts(500))
    const items = all(data, blocks.read).map(({ kind, cid }) => `${kind} ${cid}`)
    expect(byLinks(data, blocks)).toEqual(items)
  })

  test('an empty repository is one empty node', async () => {
    const { root, blocks } = await build([])
    expect(names(all(root, blocks.read))).toEqual([String(root)])
  })

  test('each block is read when it is due, and not before', async () => {
    const { data, blocks } = await referenceRepo(posts(300))
    const read: string[] = []
    const visited: string[] = []
    const noting: Read = (cid) => {
      read.push(String(cid))
      return blocks.read(cid)
    }
    for (const { cid } of walk(data, noting)) {
      visited.push(String(cid))
      expect(read.length).toBe(visited.length)
    }
    expect(read).toEqual(visited)
  })

  test('what was read may be overwritten when the next block is asked for', async () => {
    const { data, blocks } = await referenceRepo(posts(300))
    const buffer = new Uint8Array(64 * 1024)
    const reusing: Read = (cid) => {
      const bytes = blocks.read(cid)
      buffer.fill(0xff)
      if (bytes) buffer.set(bytes)
      return bytes && buffer.subarray(0, bytes.length)
    }
    const items = all(data, reusing, { checkHashes: true })
    expect(names(items)).toEqual(names(all(data, blocks.read)))
  })

  test('every missing block is noticed', async () => {
    const { data, blocks } = await referenceRepo(posts(60))
    const needed = new Set(all(data, blocks.read).map(({ cid }) => cid.toString()))
    for (const cid of needed) {
      const bytes = blocks.get(cid)
      blocks.delete(cid)
      expect(refusal(data, blocks)).toBe('MissingBlock')
      if (bytes) blocks.set(cid, bytes)
    }
  })

  test('with `hash`, every changed block is noticed', async () => {
    const { data, blocks } = await referenceRepo(posts(10))
    expect(refusal(data, blocks, { checkHashes: true })).toBe(undefined)
    const [record] = all(data, blocks.read).filter((item) => item.kind === 'record')
    blocks.set(String(record?.cid), new Uint8Array([0xa0]))
    expect(refusal(data, blocks, { checkHashes: true })).toBe('HashMismatch')
    expect(refusal(data, blocks)).toBe(undefined)
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
  test.each(bad)('%s is refused', (_, make) => {
    const blocks = fresh()
    expect(refusal(make(blocks), blocks)).toBe('BadTree')
  })

  test('the same shapes are accepted where they are valid', () => {
    const blocks = fresh()
    const left = putNode(blocks, null, [{ key: low }])
    const right = putNode(blocks, null, [{ key: high }])
    expect(refusal(putNode(blocks, left, [{ key: top, right }]), blocks)).toBe(undefined)
    const [first = '', second = ''] = keysOn([0, 2])
    const between = putNode(blocks, putNode(blocks, null, [{ key: first }]), [])
    expect(refusal(putNode(blocks, between, [{ key: second }]), blocks)).toBe(undefined)
  })

  test('a walk of a tree that contains itself ends, although no hash allows such a tree', () => {
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
      expect(refusal(root, blocks)).toBe('BadTree')
    }
  })

  test('a node of thirty thousand entries is read', () => {
    const blocks = fresh()
    const keys = keysOn(Array.from({ length: 30_000 }, () => 0))
    expect(
      refusal(
        putNode(
          blocks,
          null,
          keys.map((key) => ({ key })),
        ),
        blocks,
      ),
    ).toBe(undefined)
    const items = all(
      putNode(
        blocks,
        null,
        keys.map((key) => ({ key })),
      ),
      blocks.read,
    )
    expect(items).toHaveLength(30_001)
  })
})
