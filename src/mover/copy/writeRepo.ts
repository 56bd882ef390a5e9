import type { Cid } from '@atproto/lex-data'
import { cidText } from '../../repo/cid.ts'
import { BlockMarks } from '../../repo/car/blockMarks.ts'
import { type CarBytes, indexCar, type IndexedCar } from '../../repo/car/indexCar.ts'
import { carHeader, carSection } from '../../repo/car/writeCar.ts'
import type { BlobReference } from '../../repo/blobRefs.ts'
import { CarError } from '../../repo/car/carError.ts'
import { type MalformedRecord, RepoError, verifyRepo } from '../../repo/verifyRepo.ts'
import type { MoveStore } from '../moveStore.ts'

/** A blob that a record of the final tree refers to: it has to arrive. */
export interface NeededBlob {
  readonly cid: string
  /** As the record says; '' where it says none. */
  readonly mimeType: string
  readonly size: number | undefined
  /** The path of the first record that refers to it. */
  readonly path: string
}

/** What a verified repository consists of. */
export interface RepoFacts {
  /** CID of the commit. */
  readonly root: string
  readonly rev: string
  /** CID of the tree's root node. */
  readonly data: string
  /** The key that signed the commit, as did:key: of those that the DID ever named, perhaps not the present one. */
  readonly signedBy: string
  /** Bytes of the CAR in the store. */
  readonly size: number
  readonly records: number
  /** Records by collection. */
  readonly collections: Readonly<Record<string, number>>
  /** Records that the specification forbids, all of them. The tree verifies, and they are part of it. */
  readonly malformed: readonly MalformedRecord[]
  /** By CID. */
  readonly blobs: ReadonlyMap<string, NeededBlob>
}

export interface VerifyOptions {
  readonly did: string
  /** Every key that the DID ever named for signing commits. */
  readonly signingKeys: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Why a repository is refused; undefined if the error is not about its content. */
export const repoProblem = (cause: unknown): string | undefined =>
  cause instanceof CarError || cause instanceof RepoError ? `${cause.code}: ${cause.message}` : undefined

const CHUNK_BYTES = 64 * 1024

/** Small pieces as larger ones. */
async function* inChunks(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let open: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    open.push(piece)
    size += piece.length
    if (size < CHUNK_BYTES) continue
    yield Buffer.concat(open)
    open = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(open)
}

const missing = (cid: Cid): never => {
  throw new RepoError('MissingBlock', `the commit ${cid.toString()} is missing`)
}

/** Blocks to be verified: those of one CAR, or of two. */
export type Blocks = Pick<IndexedCar, 'root' | 'find' | 'blocks'>

/** Verifies a repository to its end. `write` gets its blocks as sections of a CAR, in the order of an export. */
async function verified(
  { root, find, blocks: total }: Blocks,
  { did, signingKeys, now }: VerifyOptions,
  write: (blocks: Iterable<Uint8Array>) => Promise<number>,
  { isWritten }: { isWritten: boolean },
): Promise<RepoFacts> {
  const malformed: MalformedRecord[] = []
  const { bytes, n } = find(root.bytes) ?? missing(root)
  // Blocks are handed on as the verification reads them: a block is read once, and comes before what it links to.
  const due: Uint8Array[] = [carHeader(root), carSection(root, bytes)]
  const written = new BlockMarks(total)
  written.add(n)
  const repo = await verifyRepo({
    root,
    did,
    signingKey: signingKeys,
    now,
    malformed: (record) => malformed.push(record),
    read: (cid) => {
      const found = find(cid.bytes)
      if (found && isWritten && written.add(found.n)) due.push(carSection(cid, found.bytes))
      return found?.bytes
    },
  })
  const collections: Record<string, number> = {}
  const blobs = new Map<string, NeededBlob>()
  const need = (path: string, { cid, mimeType, size }: BlobReference) => {
    const text = cidText(cid.bytes)
    const known = blobs.get(text)
    if (known && (known.mimeType !== '' || mimeType === '')) return
    blobs.set(text, { cid: text, mimeType, size, path: known?.path ?? path })
  }
  function* blocks(): Generator<Uint8Array> {
    for (const record of repo.records()) {
      const collection = record.path.slice(0, record.path.indexOf('/'))
      collections[collection] = (collections[collection] ?? 0) + 1
      for (const blob of record.blobs) need(record.path, blob)
      yield* due.splice(0)
    }
    // A tree without records still has a node.
    yield* due.splice(0)
  }
  const size = await write(blocks())
  const { commit, signer } = repo
  return {
    root: root.toString(),
    rev: commit.rev,
    data: commit.data.toString(),
    signedBy: signer,
    size,
    records: repo.counts.records,
    collections,
    malformed,
    blobs,
  }
}

/**
 * Verifies a repository to its last record and writes it to the store in the preferred form: the commit first, then the
 * tree in its order, each block once, and nothing that belongs to neither. The file is written only if all of it
 * verifies. Throws RepoError or CarError.
 */
export const writeRepo = (
  car: Blocks,
  options: VerifyOptions,
  store: MoveStore,
  file: string,
): Promise<RepoFacts> =>
  verified(car, options, (blocks) => store.writeFile(file, inChunks(blocks)), { isWritten: true })

/** Verifies a CAR that is in the store already. Throws RepoError or CarError. */
export async function verifyStored(bytes: CarBytes, options: VerifyOptions): Promise<RepoFacts> {
  const readAll = async (blocks: Iterable<Uint8Array>) => {
    for (const _ of blocks);
    return bytes.size
  }
  return await verified(await indexCar(bytes), options, readAll, { isWritten: false })
}
