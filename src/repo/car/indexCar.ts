import { randomInt } from 'node:crypto'
import type { Cid } from '@atproto/lex-data'
import { CID_LENGTH } from '../cidBytes.ts'
import { DigestTable } from '../digestTable.ts'
import { CarError } from './carError.ts'
import { type CarLimits, readCar } from './readCar.ts'
import { SectionReader } from './sectionReader.ts'

/** A CAR of any size whose bytes can be read at any place, such as a file. */
export interface CarBytes {
  readonly size: number
  /** These bytes; fewer at the end. */
  read(offset: number, length: number): Uint8Array
  stream(): AsyncIterable<Uint8Array>
}

/** A block of an indexed CAR. */
export interface FoundBlock {
  readonly bytes: Uint8Array
  /** Its number among the different blocks, from 0 on. */
  readonly n: number
}

/** A CAR that was read once, with the hash of each block checked. Its blocks are found by their CIDs. */
export interface IndexedCar {
  readonly root: Cid
  /** How many different blocks there are. */
  readonly blocks: number
  /** The block whose CID is at `offset` of `bytes`. */
  find(bytes: Uint8Array, offset?: number): FoundBlock | undefined
  read(cid: Cid): Uint8Array | undefined
}

const readWhole = (car: CarBytes, offset: number, length: number): Uint8Array => {
  const bytes = car.read(offset, length)
  if (bytes.length !== length)
    throw new CarError('TruncatedCar', `the file ends at byte ${offset + bytes.length}`)
  return bytes
}

/** A key for maps and sets of some blocks: half a digest is enough to tell them apart, in fewer bytes than the CID. */
export const indexKey = (cid: Cid): string => String.fromCharCode(...cid.multihash.digest.subarray(0, 16))

/** Where the digest of a CID begins. */
const DIGEST_AT = 4

const sameDigestAt = (a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean => {
  for (let i = DIGEST_AT; i < CID_LENGTH; i++) if (a[aOffset + i] !== b[bOffset + i]) return false
  return true
}

/** An entry of the table has two numbers below 2^32: the offset's low half; its high half, and the length. */
const LOW = 2 ** 32
/** No section is that long. */
const LENGTHS = 2 ** 22

/**
 * Reads a CAR to its end and notes where each block is, in 17 to 20 bytes of memory for each: a repository of a million
 * records takes some 25 MB.
 */
export async function indexCar(car: CarBytes, limits: CarLimits = {}): Promise<IndexedCar> {
  // Random, so that no source can choose blocks that are slow to find. Nothing else depends on it.
  const table = new DigestTable(randomInt(LOW))
  const find = (bytes: Uint8Array, offset = 0): FoundBlock | undefined => {
    for (const n of table.slots(bytes, offset)) {
      const [low, high] = [table.first(n), table.second(n)]
      const section = readWhole(car, Math.floor(high / LENGTHS) * LOW + low, high % LENGTHS)
      if (sameDigestAt(section, 0, bytes, offset)) return { bytes: section.subarray(CID_LENGTH), n }
    }
    return undefined
  }
  // The limit is the file's own size, which may be more than the default of 1 GiB.
  const reader = await readCar(car.stream(), { total: car.size + 1, paddedLengths: true, ...limits })
  let before = reader.headerLength
  for await (const run of reader.runs()) {
    for (const sections = new SectionReader(run); sections.next();) {
      const { cidAt, end } = sections
      if (find(run, cidAt)) continue
      const place = before + cidAt
      table.add(run, cidAt, place % LOW, Math.floor(place / LOW) * LENGTHS + (end - cidAt))
    }
    before += run.length
  }
  const [root] = reader.roots
  if (!root) throw new CarError('BadHeader', 'the CAR names no root')
  return { root, blocks: table.size, find, read: (cid) => find(cid.bytes)?.bytes }
}
