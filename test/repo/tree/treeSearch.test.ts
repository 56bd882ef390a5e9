import type { Cid } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNodeUnchecked } from '../../../src/repo/tree/treeNode.ts'
import { findRecord, type ReadNode, recordsAfter, recordsBefore } from '../../../src/repo/tree/treeSearch.ts'
import { Blocks, post } from '../fixture.ts'
import { keyOn, keysOn, putTree } from './tree.ts'

/** Keys on all of the layers from 0 to 3, ascending. */
const KEYS = [
  ...keysOn(Array.from({ length: 24 }, (_, i) => [0, 0, 1, 0, 2, 0, 1, 3][i % 8] ?? 0)),
].toSorted()
const EDGES = ['', '~', ...KEYS, ...KEYS.map((key) => `${key}0`)]

const treeOf = (keys: readonly string[]) => {
  const blocks = new Blocks()
  const records = new Map(keys.map((key) => [key, blocks.put(post(key))] as const))
  const root = putTree(blocks, records)
  const read: string[] = []
  const node: ReadNode = (cid) => {
    read.push(cid.toString())
    return parseNodeUnchecked(blocks.read(cid) ?? new Uint8Array())
  }
  const expected = keys.map((path) => ({ path, cid: records.get(path) as Cid }))
  return { root, records, node, expected, read }
}

test('records are found, and listed in both directions from any path, in any tree', () => {
  fc.assert(
    fc.property(fc.subarray(KEYS), fc.constantFrom(...EDGES), (keys, path) => {
      const { root, records, node, expected } = treeOf(keys)
      expect(findRecord(root, path, node)).toEqual(records.get(path))
      expect([...recordsAfter(root, path, node)]).toEqual(expected.filter((each) => each.path > path))
      expect([...recordsBefore(root, path, node)]).toEqual(
        expected.filter((each) => each.path < path).toReversed(),
      )
    }),
    { numRuns: 500 },
  )
})

test('only the nodes on the way down are read, the root first', () => {
  const { root, node, read } = treeOf(KEYS)
  findRecord(root, keyOn(0), node)
  expect(read[0]).toBe(root.toString())
  expect(read).toHaveLength(4)
  read.length = 0
  expect(recordsAfter(root, KEYS[3] ?? '', node).next().done).toBe(false)
  expect(read.length).toBeLessThanOrEqual(4)
})
