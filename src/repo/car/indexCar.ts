import type { Cid } from '@atproto/lex-data'
import { CarError } from './carError.ts'
import { type CarLimits, readCar } from './readCar.ts'

/** A CAR of any size whose bytes can be read at any place, such as a file. */
export interface CarBytes {
  readonly size: number
  /** These bytes; fewer at the end. */
  read(offset: number, length: number): Uint8Array
  stream(): AsyncIterable<Uint8Array>
}

/** A CAR that was read once, with the hash of each block checked. Its blocks are found by their CIDs. */
export interface IndexedCar {
  readonly root: Cid
  /** How many different blocks there are. */
  readonly blocks: number
  read(cid: Cid): Uint8Array | undefined
}

const readWhole = (car: CarBytes, offset: number, length: number): Uint8Array => {
  const bytes = car.read(offset, length)
  if (bytes.length !== length)
    throw new CarError('TruncatedCar', `the file ends at byte ${offset + bytes.length}`)
  return bytes
}

/** Half a digest is enough to tell blocks apart, and the CID's string would take far more memory. */
export const indexKey = (cid: Cid): string => String.fromCharCode(...cid.multihash.digest.subarray(0, 16))

/** Reads a CAR to its end and notes where each block is, so that a repository of any size takes little memory. */
export async function indexCar(car: CarBytes, limits: CarLimits = {}): Promise<IndexedCar> {
  const index = new Map<string, readonly [offset: number, length: number]>()
  // The limit is the file's own size, which may be more than the default of 1 GiB.
  const reader = await readCar(car.stream(), { total: car.size + 1, paddedLengths: true, ...limits })
  for await (const { cid, bytes, offset } of reader) index.set(indexKey(cid), [offset, bytes.length])
  const [root] = reader.roots
  if (!root) throw new CarError('BadHeader', 'the CAR names no root')
  return {
    root,
    blocks: index.size,
    read: (cid) => {
      const place = index.get(indexKey(cid))
      return place && readWhole(car, ...place)
    },
  }
}
