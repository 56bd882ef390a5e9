import type { Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import {
  CBOR_DATA_CODEC,
  RAW_DATA_CODEC,
  type Cid,
  createCid,
  type LexMap,
  parseCid,
} from '@atproto/lex-data'
import { MemoryBlockstore, MST, readCarWithRoot, signCommit } from '@atproto/repo'
import { blobRefs } from '../../../src/repo/blobRefs.ts'
import { decodeBlock } from '../../../src/repo/cbor.ts'
import { sha256 } from '../../../src/repo/sha256.ts'
import { nextTid } from '../../../src/repo/tid.ts'

/** A record, or the bytes of one that no correct encoder writes. */
export type FakeRecord = LexMap | Uint8Array

/** How a CAR differs from one that the specification prefers. */
export interface CarForm {
  /** Fields of the header beside `roots` and `version`. */
  header?: LexMap
  /** Blocks that belong to nothing. */
  unlinked?: readonly Uint8Array[]
  /** Each length has one byte more than it needs. */
  paddedVarints?: boolean
  /** Records and nodes before the commit. */
  reversed?: boolean
  /** Only blocks of later revisions. */
  since?: string
}

export const rawCid = (bytes: Uint8Array): Cid => createCid(RAW_DATA_CODEC, 0x12, sha256(bytes))
export const cborCid = (bytes: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, 0x12, sha256(bytes))

const varint = (value: number, padded = false): number[] => {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return padded ? [...bytes, rest | 0x80, 0] : [...bytes, rest]
}

/** The blobs of a record; of bytes that are not a record, none. */
const blobsOf = (bytes: Uint8Array): string[] => {
  try {
    return blobRefs(decodeBlock(bytes)).map(({ cid }) => cid.toString())
  } catch {
    return []
  }
}

/** A signed repository in memory, made with @atproto/repo. Blocks of earlier revisions stay, as on a reference PDS. */
export class FakeRepo {
  readonly did: string
  readonly #storage = new MemoryBlockstore()
  /** The revision that each block came with, by CID. */
  readonly #revs = new Map<string, string>()
  #tree: MST | undefined
  /** Blocks that have been added and not been committed. */
  #added: { cid: Cid; bytes: Uint8Array }[] = []
  readonly records = new Map<string, { cid: Cid; blobs: readonly string[] }>()
  cid = ''
  data = ''
  rev = ''

  constructor(did: string) {
    this.did = did
  }

  async #root(): Promise<MST> {
    return (this.#tree ??= await MST.create(this.#storage))
  }

  /** Writes a record, or with `undefined` deletes it. `commit` makes the change real. */
  async put(path: string, record: FakeRecord | undefined): Promise<void> {
    const tree = await this.#root()
    if (record === undefined) {
      if (!this.records.delete(path)) return
      this.#tree = await tree.delete(path)
      return
    }
    const bytes = record instanceof Uint8Array ? record : encode(record)
    const cid = cborCid(bytes)
    this.#added.push({ cid, bytes })
    this.#tree = await (this.records.has(path) ? tree.update(path, cid) : tree.add(path, cid))
    this.records.set(path, { cid, blobs: blobsOf(bytes) })
  }

  /** Signs the tree as it is now. The revision is above the last one. */
  async commit(key: Keypair, now: number): Promise<void> {
    const tree = await this.#root()
    const { root, blocks } = await tree.getUnstoredBlocks()
    const rev = nextTid(now, this.rev || undefined)
    const commit = await signCommit({ did: this.did, version: 3, data: root, rev, prev: null }, key)
    const signed = encode({ ...commit })
    const commitBlock = { cid: cborCid(signed), bytes: signed }
    for (const { cid, bytes } of [...blocks.entries(), ...this.#added, commitBlock]) {
      this.#storage.blocks.set(cid, bytes)
      if (!this.#revs.has(cid.toString())) this.#revs.set(cid.toString(), rev)
    }
    this.#added = []
    Object.assign(this, { cid: commitBlock.cid.toString(), data: root.toString(), rev })
  }

  /**
   * Takes a CAR in, as the reference does: blocks are added to those that are there, records are read off the tree, and
   * the commit stays as it was signed. Returns the records that are new. Throws if a block of the tree is missing.
   */
  async import(car: Uint8Array, rev: string): Promise<Map<string, Uint8Array>> {
    const { root, blocks } = await readCarWithRoot(car)
    const bytesOf = (cid: Cid) => blocks.get(cid) ?? this.#storage.blocks.get(cid)
    const commit = decodeBlock(bytesOf(root) ?? new Uint8Array(0), { depth: 2 })
    const { did, data } = Object(commit) as { did: string; data: Cid }
    if (did !== this.did) throw new Error(`the repository of ${did}`)
    const storage = new MemoryBlockstore(this.#storage.blocks)
    for (const { cid, bytes } of blocks.entries()) storage.blocks.set(cid, bytes)
    const tree = MST.load(storage, data)
    const added = new Map<string, Uint8Array>()
    const records: [string, { cid: Cid; blobs: readonly string[] }][] = []
    for (const { key, value } of await tree.leaves()) {
      const bytes = storage.blocks.get(value)
      if (!bytes) throw new Error(`missing block ${value.toString()}`)
      const known = this.records.get(key)
      if (known?.cid.equals(value)) records.push([key, known])
      else {
        records.push([key, { cid: value, blobs: blobsOf(bytes) }])
        added.set(key, bytes)
      }
    }
    this.records.clear()
    for (const [path, record] of records) this.records.set(path, record)
    for (const { cid, bytes } of blocks.entries()) {
      this.#storage.blocks.set(cid, bytes)
      if (!this.#revs.has(cid.toString())) this.#revs.set(cid.toString(), rev)
    }
    this.#tree = MST.load(this.#storage, data)
    Object.assign(this, { cid: root.toString(), data: data.toString(), rev })
    return added
  }

  /** Goes back to the tree from before an import. */
  restore(
    records: ReadonlyMap<string, { cid: Cid; blobs: readonly string[] }>,
    at: Pick<FakeRepo, 'cid' | 'data' | 'rev'>,
  ): void {
    this.records.clear()
    for (const [path, record] of records) this.records.set(path, record)
    this.#tree = at.data === '' ? undefined : MST.load(this.#storage, parseCid(at.data))
    Object.assign(this, at)
  }

  bytes(cid: Cid): Uint8Array | undefined {
    return this.#storage.blocks.get(cid)
  }

  /** CIDs of the blobs that records of the tree refer to. */
  get blobs(): Set<string> {
    return new Set([...this.records.values()].flatMap(({ blobs }) => blobs))
  }

  /** The commit, the nodes and the records of the tree as it is now, as a CAR. */
  async car(form: CarForm = {}): Promise<Uint8Array> {
    const { header, unlinked = [], paddedVarints = false, reversed = false, since } = form
    const cids = new Map<string, Cid>()
    if (this.cid === '') throw new Error('nothing was committed')
    const commit = parseCid(this.cid)
    // As it was committed: another write may be under way.
    const tree = MST.load(this.#storage, parseCid(this.data))
    cids.set(this.cid, commit)
    for (const cid of (await tree.allCids()).toList()) cids.set(cid.toString(), cid)
    const sections: Uint8Array[] = []
    const section = (cid: Cid, bytes: Uint8Array) =>
      sections.push(
        Buffer.concat([
          Uint8Array.from(varint(cid.bytes.length + bytes.length, paddedVarints)),
          cid.bytes,
          bytes,
        ]),
      )
    for (const [text, cid] of cids) {
      if (since !== undefined && !((this.#revs.get(text) ?? '') > since)) continue
      section(cid, this.#storage.blocks.get(cid) ?? new Uint8Array(0))
    }
    for (const bytes of unlinked) section(cborCid(bytes), bytes)
    if (reversed) sections.reverse()
    const head = encode({ ...header, roots: [commit], version: 1 })
    const start = Uint8Array.from(varint(head.length, paddedVarints))
    return new Uint8Array(Buffer.concat([start, head, ...sections]))
  }
}
