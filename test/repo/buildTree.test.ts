import { MemoryBlockstore, MST } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { cborCid } from '../../src/repo/cid.ts'
import { buildTree } from '../../src/repo/tree/buildTree.ts'
import { walk } from '../../src/repo/tree/treeWalk.ts'

const value = cborCid(new Uint8Array([0xa0]))
const key = (n: number) => `com.example.record/${n}`

describe('buildTree', () => {
  it.each([0, 1, 2, 7, 100, 2000])('gives the tree of @atproto/repo for %i records', async (count) => {
    const keys = Array.from({ length: count }, (_, n) => key(n))
    let tree = await MST.create(new MemoryBlockstore())
    for (const each of keys) tree = await tree.add(each, value)
    const nodes = buildTree(keys.map((each) => ({ key: each, value })))
    expect(nodes[0].cid.toString()).toBe((await tree.getPointer()).toString())
    const blocks = new Map(nodes.map(({ cid, bytes }) => [cid.toString(), bytes]))
    const found = [...walk(nodes[0].cid, (cid) => blocks.get(cid.toString()) ?? new Uint8Array([0xa0]))]
    expect(found.length).toBe(nodes.length + count)
  })

  it('needs no order', () => {
    const keys = Array.from({ length: 50 }, (_, n) => ({ key: key(n), value }))
    expect(buildTree(keys.toReversed())[0].cid.equals(buildTree(keys)[0].cid)).toBe(true)
  })
})
