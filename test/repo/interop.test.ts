/** The published test vectors of the formats: our implementation agrees with the others. */
import { parseCid } from '@atproto/lex-data'
import type { Cid } from '@atproto/lex-data'
import { encode } from '@atproto/lex-cbor'
import { MemoryBlockstore, MST } from '@atproto/repo'
import { describe, expect, test } from 'vitest'
import { nextTree } from '../../src/account/repo/commits/nextTree.ts'
import type { RecordOp } from '../../src/account/repo/commits/recordOp.ts'
import type { Blocks as Store } from '../../src/account/blocks/blocks.ts'
import { blobRefs } from '../../src/repo/blobRefs.ts'
import { readCar } from '../../src/repo/car/readCar.ts'
import { CborError, checkCbor, decodeBlock } from '../../src/repo/cbor.ts'
import { parseCommit } from '../../src/repo/commit.ts'
import { keyLayer, NodeError, parseNode } from '../../src/repo/tree/treeNode.ts'
import { walk } from '../../src/repo/tree/treeWalk.ts'
import { fixture } from '../fixtures/fixture.ts'
import { Blocks, cborCid, streamOf } from './fixture.ts'
import { linked, nodeData, putNode, type RawEntry } from './tree/tree.ts'

interface Edit {
  name: string
  keys: string[]
  root: string
  adds: string[]
  dels: string[]
  rootAfter: string
  /** CIDs of the blocks that prove the operations. */
  proof?: string[]
}

const mst = fixture<{
  source: string
  heights: [string, number][]
  keysByHeight: string[]
  commonPrefixes: [string, string, number][]
  value: string
  maps: { name: string; keys: string[]; root: string }[]
  edits: Edit[]
}>('mst')
const proofs = fixture<{ source: string; value: string; commits: Edit[] }>('commit-proofs')
const cbor = fixture<{
  source: string
  vectors: { hex: string; name: string; valid: boolean; refused?: string }[]
}>('dasl-cbor')
const codec = fixture<{
  source: string
  vectors: { name: string; hex: string; cid: string; refused?: string }[]
  invalid: { name: string; hex: string }[]
}>('codec-fixtures')
const model = fixture<{
  source: string
  blocks: { name: string; cbor: string; cid: string; blob?: string }[]
}>('data-model')
const event = fixture<{
  source: string
  repo: string
  rev: string
  commit: string
  ops: { action: string; path: string; cid: string }[]
  blocks: string
}>('firehose-commit')

const value = parseCid(mst.value)
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'))

/** The tree of these keys by the specification alone: layer by layer, from the top. Null for no keys. */
const build = (blocks: Blocks, keys: readonly string[], layer: number): Cid | null => {
  if (keys.length === 0) return null
  const entries: RawEntry[] = []
  let left: Cid | null = null
  let between: string[] = []
  const close = (): void => {
    const below = build(blocks, between, layer - 1)
    const last = entries.at(-1)
    if (last) last.right = below
    else left = below
    between = []
  }
  for (const key of keys) {
    if (keyLayer(key) < layer) {
      between.push(key)
      continue
    }
    close()
    entries.push({ key, value })
  }
  close()
  return putNode(blocks, left, entries)
}

const tree = (keys: readonly string[]): { root: Cid; blocks: Blocks } => {
  const blocks = new Blocks()
  const top = Math.max(0, ...keys.map((key) => keyLayer(key)))
  return { root: build(blocks, [...keys].sort(), top) ?? putNode(blocks, null, []), blocks }
}

/** The account's next tree, over these blocks. */
const edit = async ({ keys, adds, dels }: Edit) => {
  const { root, blocks } = tree(keys)
  // Only the methods that the tree calls.
  const store = { read: (cid: Cid) => blocks.get(cid.toString()) ?? null } as unknown as Store
  const storage = new MemoryBlockstore()
  for (const bytes of blocks.values()) await storage.putBlock(cborCid(bytes), bytes)
  const ops: RecordOp[] = [
    ...adds.map((path): RecordOp => ({ action: 'create', path, cid: value, prev: null })),
    ...dels.map((path): RecordOp => ({ action: 'delete', path, cid: null, prev: value })),
  ]
  return nextTree(MST.load(storage, root), ops, store)
}

describe('keys', () => {
  test.each([...mst.heights, ...mst.keysByHeight.map((key): [string, number] => [key, Number(key[1])])])(
    '%j is on layer %i',
    (key, height) => expect(keyLayer(key)).toBe(height),
  )

  // The parser takes keys that are paths, ascending, and of one layer: here, all of them are.
  const oneLayer = () => new Uint8Array(32).fill(255)
  const pairs = mst.commonPrefixes
    .filter(([left, right]) => left !== '' && right !== '' && !`${left}${right}`.includes('\0'))
    .map(([left, right, length]): [string, string, number] =>
      left < right ? [left, right, length] : [right, left, length],
    )

  test.each(pairs)('%s and %s share %i characters', (left, right, length) => {
    const at = (shared: number): Uint8Array => {
      const [first, second] = ['com.example.record/', 'com.example.record/'].map(
        (path, i) => path + [left, right][i],
      )
      if (first === undefined || second === undefined) throw new Error('two keys')
      const data = nodeData(null, [{ key: first, value }])
      const rest = new TextEncoder().encode(second.slice(shared + 19))
      return encode({ ...data, e: [...data.e, { k: rest, p: shared + 19, t: null, v: value }] })
    }
    const parse = (shared: number) => () => parseNode(at(shared), oneLayer)
    if (left === right) expect(parse(length)).toThrow(NodeError)
    else expect(parse(length)().entries.map(({ key }) => key.slice(19))).toEqual([left, right])
    for (let shorter = 0; shorter < length; shorter++)
      expect(parse(shorter)).toThrow(expect.objectContaining({ code: 'BadPrefix' }))
  })
})

describe('trees', () => {
  test.each(mst.maps)('$name has its root, and is read back', ({ keys, root: known }) => {
    const { root, blocks } = tree(keys)
    expect(root.toString()).toBe(known)
    const found = []
    // Only the CID of the record was published.
    const read = (cid: Cid) => (cid.equals(value) ? new Uint8Array(0) : blocks.read(cid))
    for (const item of walk(root, read)) if (item.kind === 'record') found.push(item.key)
    expect(found).toEqual([...keys].sort())
  })

  test.each([...mst.edits, ...proofs.commits])('$name', async (given) => {
    const { keys, adds, dels, root: known, rootAfter, proof = [] } = given
    expect(tree(keys).root.toString()).toBe(known)
    const after = [...keys, ...adds].filter((key) => !dels.includes(key))
    const whole = tree(after)
    expect(whole.root.toString()).toBe(rootAfter)
    const next = await edit(given)
    expect(next.data.toString()).toBe(rootAfter)
    // The added and removed blocks are the difference of the two trees.
    const before = tree(keys).blocks
    const names = (blocks: Iterable<string>) => [...blocks].sort()
    const fresh = [...whole.blocks.keys()].filter((cid) => !before.has(cid))
    expect(names(next.newNodes.map(({ cid }) => cid.toString()))).toEqual(names(fresh))
    const gone = [...before.keys()].filter((cid) => !whole.blocks.has(cid))
    expect(names(next.droppedNodes.map((cid) => cid.toString()))).toEqual(names(gone))
    // Blocks of the tree, and at least those that the published proof has.
    for (const { cid, bytes } of next.proof) {
      expect(cborCid(bytes).equals(cid)).toBe(true)
      expect(whole.blocks.has(cid.toString())).toBe(true)
    }
    const digests = new Set(next.proof.map(({ cid }) => Buffer.from(cid.multihash.digest).toString('hex')))
    for (const cid of proof)
      expect(digests).toContain(Buffer.from(parseCid(cid).multihash.digest).toString('hex'))
  })
})

describe('a commit of the network', () => {
  test('its CAR, its commit and the nodes down to its record are read', async () => {
    const reader = await readCar(streamOf(bytesOf(event.blocks), 100))
    const blocks = new Blocks()
    for await (const { cid, bytes } of reader) blocks.set(cid.toString(), bytes)
    expect(reader.roots.map(String)).toEqual([event.commit])
    const commit = parseCommit(blocks.get(event.commit) ?? new Uint8Array())
    expect(commit).toMatchObject({ did: event.repo, rev: event.rev, version: 3 })
    for (const { path, cid } of event.ops) {
      let at: Cid | null = commit.data
      let found: string | undefined
      while (at && found === undefined) {
        const { left, entries } = linked(parseNode(blocks.get(at.toString()) ?? new Uint8Array()))
        const before = entries.findLast(({ key }) => key <= path)
        if (before?.key === path) found = before.value.toString()
        at = before ? before.right : left
      }
      expect(found).toBe(cid)
      expect(decodeBlock(blocks.get(cid) ?? new Uint8Array())).toMatchObject({ $type: path.split('/')[0] })
    }
  })
})

describe('blocks', () => {
  const taken = [
    ...cbor.vectors.filter(({ valid, refused }) => valid && refused === undefined),
    ...codec.vectors.filter(({ refused }) => refused === undefined),
  ]
  const refused = [
    ...cbor.vectors.filter(({ valid, refused }) => !valid || refused !== undefined),
    ...codec.vectors.filter(({ refused }) => refused !== undefined),
    ...codec.invalid,
  ]
  const read = (hex: string) => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    checkCbor(bytes)
    return Buffer.from(encode(decodeBlock(bytes))).toString('hex')
  }

  test.each(taken)('$name is taken as it is: $hex', ({ hex }) => expect(read(hex)).toBe(hex))

  test.each(codec.vectors)('$name has its CID', ({ hex, cid }) =>
    expect(cborCid(new Uint8Array(Buffer.from(hex, 'hex'))).toString()).toBe(cid),
  )

  test.each(refused)('$name is refused: $hex', ({ hex }) => {
    expect(() => read(hex)).toThrow(CborError)
    expect(() => decodeBlock(new Uint8Array(Buffer.from(hex, 'hex')))).toThrow(CborError)
  })

  test.each(model.blocks)('$name', ({ cbor: base64, cid, blob }) => {
    const bytes = bytesOf(base64)
    checkCbor(bytes)
    const decoded = decodeBlock(bytes)
    expect(Buffer.from(encode(decoded)).equals(bytes)).toBe(true)
    expect(cborCid(bytes).toString()).toBe(cid)
    expect(blobRefs(decoded).map((ref) => ref.cid.toString())).toEqual(blob === undefined ? [] : [blob])
  })
})
