/** A CAR on disk, its blocks found by an index: a repository of any size is verified in little memory. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import type { Cid } from '@atproto/lex-data'
import { CarError } from '../repo/carError.ts'
import { readCar } from '../repo/readCar.ts'
import { RepoError, verifyRepo } from '../repo/verifyRepo.ts'

/** The repository in a CAR file, verified to its last record. */
export interface CarFacts {
  root: string
  rev: string
  data: string
  blocks: number
  records: number
  /** Records by collection. */
  collections: Record<string, number>
  /** CIDs of the blobs that records refer to. */
  blobs: Set<string>
}

const varintLength = (value: number): number => (value < 128 ? 1 : 1 + varintLength(Math.floor(value / 128)))

const read = (fd: number, at: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  const got = readSync(fd, bytes, 0, length, at)
  if (got !== length) throw new CarError('TruncatedCar', `the file ends at byte ${at + got}`)
  return bytes
}

/** Where the first block begins: behind a length and as many bytes. */
const headerEnd = (fd: number): number => {
  let [value, length] = [0, 0]
  for (const byte of read(fd, 0, 4)) {
    value += (byte & 0x7f) * 128 ** length++
    if (byte < 0x80) break
  }
  return length + value
}

// Half a digest tells blocks apart, and the CID's string would take far more memory.
const keyOf = (cid: Cid): string => String.fromCharCode(...cid.multihash.digest.subarray(0, 16))

const CID_BYTES = 36

/** Reads and verifies a CAR file completely: hashes, signature, tree, records. Throws CarError or RepoError. */
export async function verifyCarFile(
  file: string,
  options: { did: string; signingKey: string | readonly string[]; now: number },
): Promise<CarFacts> {
  const fd = openSync(file, 'r')
  try {
    const index = new Map<string, readonly [at: number, length: number]>()
    const car = await readCar(createReadStream(file), { total: statSync(file).size + 1 })
    let at = headerEnd(fd)
    for await (const { cid, bytes } of car) {
      at += varintLength(CID_BYTES + bytes.length) + CID_BYTES
      index.set(keyOf(cid), [at, bytes.length])
      at += bytes.length
    }
    const [root] = car.roots
    if (!root) throw new CarError('BadHeader', 'the CAR names no root')
    const repo = await verifyRepo({
      ...options,
      root,
      blocks: index.size,
      read: (cid) => {
        const place = index.get(keyOf(cid))
        return place && read(fd, ...place)
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

/** Why a CAR file was refused, or undefined when the error is about something else. */
export const carProblem = (cause: unknown): string | undefined =>
  cause instanceof CarError || cause instanceof RepoError ? `${cause.code}: ${cause.message}` : undefined
