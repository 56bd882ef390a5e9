import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { isCid, type Cid, type LexMap, type LexValue } from '@atproto/lex-data'
import { MemoryBlockstore, MST } from '@atproto/repo'
import { CarError } from '../../../src/repo/car/carError.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { CborError, decodeBlock } from '../../../src/repo/cbor.ts'
import { CommitError } from '../../../src/repo/commit.ts'
import { RepoError, verifyRepo } from '../../../src/repo/verifyRepo.ts'
import { walk } from '../../../src/repo/tree/treeWalk.ts'
import { testSecret } from '../../crypto/support.ts'
import { Blocks, cborCid, DID, importCar, post } from '../../repo/fixture.ts'
import { byLinks, keysOn } from '../../repo/tree/tree.ts'
import { mutateBytes } from '../bytes.ts'
import { mutateItem, read, write } from '../cbor.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { hex } from './same.ts'

export const NOW = Date.parse('2026-11-22T12:00:00Z')
const keypair = await Secp256k1Keypair.import(testSecret('fuzz repo').reveal())
/** Who signs the repositories. */
export const SIGNER = keypair.did()
const stranger = await P256Keypair.import(testSecret('fuzz repo').reveal())
/** A revision that is the same in every run. */
const REV = '3mzzzzzzzzz22'

export interface Source {
  root: Cid
  blocks: Map<string, Uint8Array>
}

/** Repositories of several shapes, each made by the reference. */
export const sources: Source[] = await Promise.all(
  [
    [],
    [0],
    [1],
    [0, 0, 1, 0, 0],
    [2, 0, 0, 1, 0, 3, 0, 0, 1, 0, 2],
    Array.from({ length: 60 }, (_, i) => (i % 17 === 5 ? 2 : i % 5 === 3 ? 1 : 0)),
  ].map(async (layers) => {
    const store = new Blocks()
    let tree = await MST.create(new MemoryBlockstore())
    for (const [i, path] of keysOn(layers).entries())
      tree = await tree.add(path, store.put(post(i % 7 === 0 ? 'same' : `text ${i}`)))
    const data = await tree.getPointer()
    for (const { cid, bytes } of (await tree.getUnstoredBlocks()).blocks.entries())
      store.set(String(cid), bytes)
    const unsigned = { did: DID, version: 3, data, rev: REV, prev: null }
    const root = store.put({ ...unsigned, sig: await keypair.sign(encode(unsigned)) })
    return { root, blocks: store }
  }),
)

const ours = (cid: Cid): string => cid.toString()

/** Breaks a node's or a commit's data by the rules of its format rather than by those of CBOR. */
const wound = (value: LexValue, random: Random, cids: readonly Cid[]): LexValue => {
  const copy = structured(value)
  if (
    copy === null ||
    typeof copy !== 'object' ||
    Array.isArray(copy) ||
    isCid(copy) ||
    copy instanceof Uint8Array
  )
    return copy
  const e = copy.e
  if (!Array.isArray(e)) {
    const name = random.pick(['did', 'version', 'data', 'rev', 'prev', 'sig', 'extra'])
    copy[name] = random.pick<LexValue>([
      null,
      2,
      3,
      'x',
      random.pick(cids),
      random.bytes(64),
      'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      '3zzzzzzzzzzzz',
      '2222222222222',
    ])
    return copy
  }
  const at = random.int(e.length + 1)
  const entry = e[at]
  switch (random.int(9)) {
    case 0:
      copy.l = random.chance(0.5) ? null : random.pick(cids)
      return copy
    case 1:
      e.splice(at, 1)
      return copy
    case 2:
      if (entry) e.splice(at, 0, structured(entry))
      return copy
    case 3:
      if (entry) [e[at], e[0]] = [e[0] ?? null, entry]
      return copy
    default: {
      if (entry === null || typeof entry !== 'object' || !('k' in entry)) return copy
      const name = random.pick(['k', 'p', 't', 'v'])
      const value: LexValue =
        name === 'k'
          ? random.pick([
              random.bytes(8),
              new Uint8Array(0),
              new TextEncoder().encode('com.example.record/00000001'),
            ])
          : name === 'p'
            ? random.pick([0, 1, 5, 25, 1000])
            : name === 't' && random.chance(0.5)
              ? null
              : random.pick(cids)
      Object.assign(entry, { [name]: value })
      return copy
    }
  }
}

const structured = (value: LexValue): LexValue => decodeBlock(encode(value))

/** Updates the links to blocks that have changed. */
const relink = (value: LexValue, from: string, to: Cid): LexValue => {
  if (isCid(value)) return ours(value) === from ? to : value
  if (Array.isArray(value)) return value.map((inner) => relink(inner, from, to))
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, relink(inner ?? null, from, to)]),
  )
}

const sign = async (commit: LexMap, random: Random): Promise<LexMap> => {
  const { did = null, version = null, data = null, rev = null, prev = null } = commit
  const unsigned = { did, version, data, rev, prev }
  try {
    return { ...commit, sig: await (random.chance(0.97) ? keypair : stranger).sign(encode(unsigned)) }
  } catch {
    return commit
  }
}

/** A repository with one block changed, and everything above it adapted: links, hashes, signature. */
export const forge = async (source: Source, random: Random): Promise<Source> => {
  const blocks = new Map(source.blocks)
  const cids = [...blocks.values()].map((bytes) => cborCid(bytes))
  let victim = random.pick(cids)
  let old = ours(victim)
  const bytes = blocks.get(old) ?? new Uint8Array()
  let changed = random.chance(0.3)
    ? write(mutateItem(read(bytes), random))
    : encode(wound(decodeBlock(bytes), random, cids))
  for (let up = 0; up < 20; up++) {
    if (!random.chance(0.1)) blocks.delete(old)
    if (old === ours(source.root) && random.chance(0.9)) changed = await resigned(changed, random)
    victim = cborCid(changed)
    blocks.set(ours(victim), changed)
    if (old === ours(source.root)) break
    const parent = [...blocks].find(([, block]) => links(block, old))
    if (!parent) break
    changed = encode(relink(decodeBlock(parent[1]), old, victim))
    old = parent[0]
  }
  return { root: victim, blocks }
}

const links = (block: Uint8Array, cid: string): boolean => {
  try {
    return JSON.stringify(decodeBlock(block), (_, inner: LexValue) =>
      isCid(inner) ? ours(inner) : inner,
    ).includes(cid)
  } catch {
    return false
  }
}

const resigned = async (bytes: Uint8Array, random: Random): Promise<Uint8Array> => {
  try {
    return encode(await sign(decodeBlock(bytes) as LexMap, random)) // a commit is a map
  } catch {
    return bytes
  }
}

export const carOf = ({ root, blocks }: Source, random: Random): Uint8Array => {
  const sections = [...blocks].map(([, bytes]) => carSection(cborCid(bytes), bytes))
  if (random.chance(0.1)) sections.splice(random.int(sections.length), 1)
  if (random.chance(0.3)) sections.reverse()
  return new Uint8Array(Buffer.concat([carHeader(root), ...sections]))
}

/** A whole repository in a CAR, from the stream to the last record. What is accepted is the one tree of its records. */
export const repo: Target<Uint8Array, Awaited<ReturnType<typeof importCar>>> = {
  name: 'repo',
  typed: [CarError, RepoError, CommitError, CborError],
  generate: async (random) => {
    const source = random.pick(sources)
    if (random.chance(0.1)) return mutateBytes(carOf(source, random), random)
    return carOf(random.chance(0.1) ? source : await forge(source, random), random)
  },
  run: (input) => importCar(input, { did: DID, signingKey: keypair.did(), now: NOW }),
  check: async (_, { repo, records, blocks }) => {
    let tree = await MST.create(new MemoryBlockstore())
    for (const { path, cid } of records) tree = await tree.add(path, cid)
    const { data } = repo.commit
    if (!(await tree.getPointer()).equals(data)) throw new Error(`the tree of these records is not ${data}`)
    for (const { path, cid } of records) {
      const bytes = blocks.get(cid.toString())
      if (!bytes || Buffer.compare(encode(decodeBlock(bytes)), bytes) !== 0)
        throw new Error(`${path} is not canonical`)
    }
    // Again in the way the store reads it, with every block hashed again.
    const store = new Blocks(blocks)
    const input = { root: repo.cid, did: DID, signingKey: keypair.did(), now: NOW, hash: true }
    const again = await verifyRepo({ ...input, read: store.read })
    for (const _ of again.records());
    const order = [...walk(data, store.read)].map(({ kind, cid }) => `${kind} ${cid}`)
    if (again.counts.records !== records.length) throw new Error('another count when blocks are hashed again')
    // An export follows the links alone.
    if (byLinks(data, store).join() !== order.join()) throw new Error('another order by the links')
  },
  ...hex,
}
