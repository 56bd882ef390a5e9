import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import type { Cid } from '@atproto/lex-data'
import { CarError } from '../repo/car/carError.ts'
import { readCar } from '../repo/car/readCar.ts'
import { RepoError, verifyRepo } from '../repo/verifyRepo.ts'

/** What a CAR file holds, verified down to the last record. */
export interface CarFacts {
  /** CID of the commit. */
  root: string
  rev: string
  /** CID of the tree's root node. */
  data: string
  blocks: number
  records: number
  /** Records by collection. */
  collections: Record<string, number>
  /** CIDs of the blobs that records refer to. */
  blobs: Set<string>
}

/** How many bytes a number takes as a varint. */
const varintLength = (value: number): number => (value < 128 ? 1 : 1 + varintLength(Math.floor(value / 128)))

const read = (fd: number, offset: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  const got = readSync(fd, bytes, 0, length, offset)
  if (got !== length) throw new CarError('TruncatedCar', `the file ends at byte ${offset + got}`)
  return bytes
}

/** The offset of the first section. Before it are the length of the header, as a varint, and the header. */
const headerEnd = (fd: number): number => {
  let [value, length] = [0, 0]
  for (const byte of read(fd, 0, 4)) {
    value += (byte & 0x7f) * 128 ** length++
    if (byte < 0x80) break
  }
  return length + value
}

/** Half a digest is enough to tell blocks apart, and the CID's string would take far more memory. */
const indexKey = (cid: Cid): string => String.fromCharCode(...cid.multihash.digest.subarray(0, 16))

const CID_BYTES = 36

/**
 * Reads and verifies a CAR file completely: hashes, signature, tree, records. An index finds the blocks in the file, so
 * that a repository of any size is verified in little memory. Throws CarError or RepoError.
 */
export async function verifyCarFile(
  file: string,
  options: { did: string; signingKey: string | readonly string[]; now: number },
): Promise<CarFacts> {
  const fd = openSync(file, 'r')
  try {
    const index = new Map<string, readonly [offset: number, length: number]>()
    // The limit is the file's own size, which may be more than the default of 1 GiB.
    const car = await readCar(createReadStream(file), { total: statSync(file).size + 1 })
    let offset = headerEnd(fd)
    for await (const { cid, bytes } of car) {
      offset += varintLength(CID_BYTES + bytes.length) + CID_BYTES
      index.set(indexKey(cid), [offset, bytes.length])
      offset += bytes.length
    }
    const [root] = car.roots
    if (!root) throw new CarError('BadHeader', 'the CAR names no root')
    const repo = await verifyRepo({
      ...options,
      root,
      blocks: index.size,
      read: (cid) => {
        const location = index.get(indexKey(cid))
        return location && read(fd, ...location)
      },
    })
    const collections: Record<string, number> = {}
    const blobs = new Set<string>()
    for (const record of repo.records()) {
      const collection = record.path.slice(0, record.path.indexOf('/'))
      collections[collection] = (collections[collection] ?? 0) + 1
      for (const blob of record.blobs) blobs.add(blob.cid.toString())
    }
    return {
      root: root.toString(),
      rev: repo.commit.rev,
      data: repo.commit.data.toString(),
      blocks: index.size,
      records: repo.counts.records,
      collections,
      blobs,
    }
  } finally {
    closeSync(fd)
  }
}

/** Why a CAR file was refused; undefined if the error is not about its content. */
export const carProblem = (cause: unknown): string | undefined =>
  cause instanceof CarError || cause instanceof RepoError ? `${cause.code}: ${cause.message}` : undefined
