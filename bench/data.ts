import { CBOR_DATA_CODEC, SHA256_HASH_CODE, createCid, type Cid } from '@atproto/lex-data'
import { encode } from '@atproto/lex-cbor'
import { loadSigningKey } from '../src/signing/keys.ts'
import { Secret } from '../src/crypto/secret.ts'
import { carHeader, carSection } from '../src/repo/car/writeCar.ts'
import { keyLayer } from '../src/repo/tree/treeNode.ts'
import { sha256 } from '../src/repo/sha256.ts'
import { formatTid, nextTid } from '../src/repo/tid.ts'

export interface NewRecord {
  readonly collection: string
  readonly rkey: string
  readonly value: Readonly<Record<string, unknown>>
}

/** A tree and its records, in the order that an export has; each block as a section of a CAR. */
export interface Tree {
  readonly size: number
  readonly data: Cid
  readonly sections: readonly Uint8Array[]
  /** Paths in ascending order. */
  readonly paths: readonly string[]
}

const EPOCH = 1_650_000_000_000
const WORDS =
  'the sea was calm when we left home with two old maps and a friend who knew every island by name'.split(' ')

const cidOf = (bytes: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(bytes))
const link = (n: number): Cid => cidOf(encode({ n }))

const didOf = (n: number): string => {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
  return `did:plc:${Array.from(sha256(encode(n)).subarray(0, 24), (byte) => alphabet[byte & 31]).join('')}`
}

/** The n-th record of an ordinary account, the same for both servers. Of six records, three are posts, two likes and one is a follow. */
export const recordOf = (n: number): NewRecord => {
  const createdAt = new Date(EPOCH + n * 60_000).toISOString()
  const rkey = formatTid((EPOCH + n * 60_000) * 1000, n % 1024)
  const of = (collection: string, value: object): NewRecord => ({
    collection,
    rkey,
    value: { $type: collection, ...value, createdAt },
  })
  const subject = { uri: `at://${didOf(n)}/app.bsky.feed.post/${rkey}`, cid: String(link(n)) }
  switch (n % 6) {
    case 0:
    case 3:
      return of('app.bsky.feed.like', { subject })
    case 1:
      return of('app.bsky.graph.follow', { subject: didOf(n) })
    default: {
      const words = Array.from(
        { length: 8 + (n % 23) },
        (_, w) => WORDS[(n * 7 + w * (1 + (n % 5))) % WORDS.length],
      )
      return of('app.bsky.feed.post', { text: `${words.join(' ')} ${n}`, langs: ['en'] })
    }
  }
}

interface Leaf {
  readonly key: string
  readonly layer: number
  readonly value: Cid
  readonly bytes: Uint8Array
}

/** Builds the tree of these leaves, which must be in order. Every block is added to `sections`, parents first. */
const build = (
  leaves: readonly Leaf[],
  range: { from: number; to: number; layer: number; below: boolean },
  sections: Uint8Array[],
): Cid | null => {
  const { from, to, layer, below } = range
  if (from === to && below) return null
  const place = sections.length
  sections.push(new Uint8Array(0))
  const child = (start: number, end: number): Cid | null =>
    build(leaves, { from: start, to: end, layer: layer - 1, below: true }, sections)
  const own: number[] = []
  for (let i = from; i < to; i++) if (leaves[i]?.layer === layer) own.push(i)
  const left = child(from, own[0] ?? to)
  let previous = ''
  const entries = own.flatMap((at, i) => {
    const leaf = leaves[at]
    if (!leaf) return []
    const { key, value, bytes } = leaf
    sections.push(carSection(value, bytes))
    const t = child(at + 1, own[i + 1] ?? to)
    let p = 0
    while (p < previous.length && previous[p] === key[p]) p++
    previous = key
    return [{ k: new TextEncoder().encode(key.slice(p)), p, t, v: value }]
  })
  const node = encode({ e: entries, l: left })
  const cid = cidOf(node)
  sections[place] = carSection(cid, node)
  return cid
}

/** The tree of these records, whose paths must differ. */
export const plant = (records: readonly NewRecord[]): Tree => {
  const leaves = records
    .map(({ collection, rkey, value }): Leaf => {
      const key = `${collection}/${rkey}`
      const bytes = encode(value as Parameters<typeof encode>[0]) // Made of strings, numbers and CIDs.
      return { key, layer: keyLayer(key), value: cidOf(bytes), bytes }
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const layer = leaves.reduce((most, leaf) => Math.max(most, leaf.layer), 0)
  const sections: Uint8Array[] = []
  const data = build(leaves, { from: 0, to: leaves.length, layer, below: false }, sections)
  if (!data) throw new Error('the tree has no root')
  return { size: leaves.length, data, sections, paths: leaves.map(({ key }) => key) }
}

const trees = new Map<number, Tree>()

/** The tree of the first `size` records. */
export const treeOf = (size: number): Tree => {
  const tree = trees.get(size) ?? plant(Array.from({ length: size }, (_, n) => recordOf(n)))
  trees.set(size, tree)
  return tree
}

/** The repository of this account as a CAR: a commit made now and signed with the account's key, and the tree. */
export const carOf = async (tree: Tree, did: string, signingKey: string): Promise<Buffer> => {
  const key = (await loadSigningKey(new Secret(signingKey))).commitKeypair(did)
  const unsigned = { did, version: 3, data: tree.data, rev: nextTid(Date.now()), prev: null }
  const commit = encode({ ...unsigned, sig: await key.sign(encode(unsigned)) })
  const root = cidOf(commit)
  return Buffer.concat([carHeader(root), carSection(root, commit), ...tree.sections])
}
