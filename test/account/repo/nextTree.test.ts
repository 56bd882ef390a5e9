import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import { BlockMap, DataDiff, MemoryBlockstore, MST } from '@atproto/repo'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextTree } from '../../../src/account/repo/commits/nextTree.ts'
import { NodeStore } from '../../../src/account/repo/commits/nodeStore.ts'
import type { RecordOp } from '../../../src/account/repo/commits/recordOp.ts'
import { cborCid } from '../../../src/repo/cid.ts'
import { POOL } from '../../repo/tree/pairs.ts'

const values = [0, 1, 2].map((n) => cborCid(encode({ n })))
/** For some keys of the pool, which record each gets; undefined: none. */
type Choices = readonly (readonly [at: number, value: number | undefined])[]

const commit: fc.Arbitrary<Choices> = fc.uniqueArray(
  fc.tuple(fc.nat(POOL.length - 1), fc.option(fc.nat(2), { nil: undefined, freq: 2 })),
  { minLength: 1, maxLength: 12, selector: ([at]) => at },
)

const opsOf = (records: ReadonlyMap<string, Cid>, choices: Choices): RecordOp[] =>
  choices.flatMap(([at, choice]): RecordOp[] => {
    const path = POOL[at] ?? ''
    const prev = records.get(path) ?? null
    const cid = choice === undefined ? null : (values[choice] ?? null)
    if (prev === cid || (prev && cid && prev.equals(cid))) return []
    if (!cid) return [{ action: 'delete', path, cid, prev }]
    return [{ action: prev ? 'update' : 'create', path, cid, prev }]
  })

const texts = (cids: readonly Cid[]): string[] => cids.map(String).toSorted()

interface Step {
  before: MST
  ops: readonly RecordOp[]
  after: Awaited<ReturnType<typeof nextTree>>
  stored: BlockMap
}

/** Applies commits one after the other, as an account does, and hands each step over. */
const run = async (commits: readonly Choices[], check: (step: Step) => Promise<void>): Promise<void> => {
  const stored = new BlockMap()
  const read = (cid: Cid) => stored.get(cid)
  const records = new Map<string, Cid>()
  const empty = await MST.create(new MemoryBlockstore())
  const { cid, bytes } = await empty.serialize()
  stored.set(cid, bytes)
  let tree = MST.load(new NodeStore(read), cid)
  for (const choices of commits) {
    const ops = opsOf(records, choices)
    if (ops.length === 0) continue
    const after = await nextTree(tree, ops, { read })
    await check({ before: tree, ops, after, stored })
    for (const block of after.newNodes) stored.set(block.cid, block.bytes)
    for (const { path, cid } of ops) {
      if (cid) records.set(path, cid)
      else records.delete(path)
    }
    tree = after.tree
  }
}

describe('the next tree', () => {
  it('differs from the one before as the library says, in nodes added and dropped', () =>
    fc.assert(
      fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 8 }), (commits) =>
        run(commits, async ({ before, after, stored }) => {
          // The library reads both trees afresh, in its own way.
          const blocks = new BlockMap().addMap(stored)
          for (const { cid, bytes } of after.newNodes) blocks.set(cid, bytes)
          const store = new MemoryBlockstore(blocks)
          const diff = await DataDiff.of(MST.load(store, after.data), MST.load(store, before.pointer))
          const records = new Set(values.map(String))
          expect(texts(after.newNodes.map(({ cid }) => cid))).toEqual(texts(diff.newMstBlocks.cids()))
          expect(texts(after.droppedNodes)).toEqual(
            texts(diff.removedCids.toList().filter((cid) => !records.has(String(cid)))),
          )
          for (const { cid, bytes } of after.newNodes) expect(cborCid(bytes).equals(cid)).toBe(true)
        }),
      ),
    ))

  it('has the root that a tree made at once has', () =>
    fc.assert(
      fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 8 }), (commits) =>
        run(commits, async ({ after }) => {
          let atOnce = await MST.create(new MemoryBlockstore())
          for (const { key, value } of await after.tree.leaves()) atOnce = await atOnce.add(key, value)
          expect(String(after.data)).toBe(String(await atOnce.getPointer()))
        }),
      ),
    ))

  it('comes with a proof from which the library inverts the operations', () =>
    fc.assert(
      fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 8 }), (commits) =>
        run(commits, async ({ before, ops, after }) => {
          const known = new BlockMap()
          for (const { cid, bytes } of [...after.newNodes, ...after.proof]) known.set(cid, bytes)
          let tree = MST.load(new MemoryBlockstore(known), after.data)
          for (const { path, prev, action } of ops.toReversed()) {
            if (action === 'create' || !prev) tree = await tree.delete(path)
            else tree = action === 'update' ? await tree.update(path, prev) : await tree.add(path, prev)
          }
          // A tree without keys has no layer, which the library's own does not forget: src/account/repo/commits/nextTree.ts.
          const isEmpty = (await tree.getEntries()).length === 0
          expect(String(await (isEmpty ? await MST.create(tree.storage) : tree).getPointer())).toBe(
            String(before.pointer),
          )
        }),
      ),
    ))

  it('refuses operations that do not belong to the tree', async () => {
    const [path = ''] = POOL
    const [cid = null] = values
    const tree = await MST.create(new MemoryBlockstore())
    const wrong: RecordOp = { action: 'create', path, cid, prev: null }
    await expect(nextTree(tree, [wrong, wrong], { read: () => undefined })).rejects.toThrow('already')
  })
})
