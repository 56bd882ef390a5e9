import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { CBOR_DATA_CODEC, RAW_DATA_CODEC, createCid } from '@atproto/lex-data'
import type { Cid, LexMap, LexValue } from '@atproto/lex-data'
import { MemoryBlockstore, Repo, WriteOpAction, blocksToCarFile } from '@atproto/repo'
import { sha256 } from '../../src/repo/sha256.ts'
import { verifyRepo } from '../../src/repo/verifyRepo.ts'
import type { RepoInput } from '../../src/repo/verifyRepo.ts'
import { readCar } from '../../src/repo/car/readCar.ts'
import type { Pieces } from '../../src/streams/byteStream.ts'
import type { Read } from '../../src/repo/tree/treeWalk.ts'

export const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

export const cborCid = (bytes: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, 0x12, sha256(bytes))
export const rawCid = (bytes: Uint8Array): Cid => createCid(RAW_DATA_CODEC, 0x12, sha256(bytes))

/** Blocks in memory, and how a walk reads them. */
export class Blocks extends Map<string, Uint8Array> {
  put(value: LexValue): Cid {
    const bytes = encode(value)
    const cid = cborCid(bytes)
    this.set(cid.toString(), bytes)
    return cid
  }

  read: Read = (cid) => this.get(cid.toString())
}

/** A repository of the reference implementation with these records, and its CAR. */
export const referenceRepo = async (records: { [path: string]: LexMap }) => {
  const key = await Secp256k1Keypair.create({ exportable: true })
  const storage = new MemoryBlockstore()
  const writes = Object.entries(records).map(([path, record]) => {
    const [collection = '', rkey = ''] = path.split('/')
    return { action: WriteOpAction.Create as const, collection, rkey, record } as never
  })
  const repo = await Repo.create(storage, DID, key, writes)
  const blocks = new Blocks()
  for (const { cid, bytes } of storage.blocks.entries()) blocks.set(cid.toString(), bytes)
  const car = await blocksToCarFile(repo.cid, storage.blocks)
  return { key, repo, storage, blocks, car, cid: repo.cid as Cid, data: repo.commit.data as Cid }
}

export const post = (text: string, more: LexMap = {}): LexMap => ({
  $type: 'app.bsky.feed.post',
  text,
  ...more,
})

/** `count` posts under ascending keys. */
export const posts = (count: number): { [path: string]: LexMap } =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `app.bsky.feed.post/3k${String(i).padStart(11, '0')}`,
      post(`post ${i}`),
    ]),
  )

/** A stream of these bytes in chunks of this size. */
export const streamOf = (bytes: Uint8Array, size = 4096): ReadableStream<Uint8Array> => {
  let offset = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (offset >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(offset, offset + size))
      offset += size
    },
  })
}

/** These pieces, one after the other. */
export const piecesOf = (pieces: Iterable<Uint8Array>): Pieces => {
  const iterator = pieces[Symbol.iterator]()
  return {
    next: () => {
      const { value, done } = iterator.next()
      return done ? undefined : value
    },
    cancel: () => void iterator.return?.(),
  }
}

/** What an importer does: read the CAR, keep the blocks, verify the repository. */
export const importCar = async (car: Uint8Array, input: Omit<RepoInput, 'root' | 'read'>) => {
  const reader = await readCar(streamOf(car))
  const blocks = new Blocks()
  for await (const { cid, bytes } of reader) blocks.set(cid.toString(), bytes)
  const [root] = reader.roots
  if (!root) throw new Error('no root')
  const repo = await verifyRepo({ ...input, root, read: blocks.read })
  const records = []
  for (const record of repo.records()) records.push(record)
  return { repo, records, blocks }
}

/** The same section, or header, with a length that takes `more` bytes more than it needs, as some servers write it. */
export const padded = (section: Uint8Array, more = 1): Uint8Array<ArrayBuffer> => {
  const last = section.findIndex((byte) => byte < 0x80)
  const length = [...section.subarray(0, last), (section[last] ?? 0) | 0x80]
  const padding = Array.from({ length: more }, (_, i) => (i === more - 1 ? 0 : 0x80))
  return Uint8Array.from([...length, ...padding, ...section.subarray(last + 1)])
}
