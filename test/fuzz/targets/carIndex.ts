import { CarError } from '../../../src/repo/car/carError.ts'
import { indexCar } from '../../../src/repo/car/indexCar.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { RepoError } from '../../../src/repo/verifyRepo.ts'
import { type RepoFacts, verifyStored, writeRepo } from '../../../src/mover/copy/writeRepo.ts'
import { memoryStore } from '../../mover/fakes/memoryStore.ts'
import { cborCid, DID, importCar, padded } from '../../repo/fixture.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { forge, NOW, SIGNER, type Source, sources } from './repo.ts'
import { hex } from './same.ts'

const CHUNK_BYTES = 1021
const FILE = 'written.car'

const inMemory = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
  async *stream() {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
  },
})

/** A CAR as servers write them: any order, blocks twice or of nothing, lengths that are longer than they need to be. */
const carOf = ({ root, blocks }: Source, random: Random): Uint8Array => {
  const sections = [...blocks.values()].map((bytes) => carSection(cborCid(bytes), bytes))
  if (random.chance(0.1)) sections.splice(random.int(sections.length), 1)
  if (random.chance(0.3)) sections.reverse()
  if (random.chance(0.2)) sections.push(random.pick(sections))
  if (random.chance(0.2)) {
    const bytes = random.bytes(1 + random.int(40))
    sections.splice(random.int(sections.length), 0, carSection(cborCid(bytes), bytes))
  }
  const all = random.chance(0.2) ? sections.map((section) => padded(section)) : sections
  return new Uint8Array(Buffer.concat([carHeader(root), ...all]))
}

interface Written {
  facts: RepoFacts
  car: Uint8Array
}

/** A repository in a file, as a backup has it and a move fetches it: found by an index, verified, written again. */
export const carIndex: Target<Uint8Array, Written> = {
  name: 'carIndex',
  typed: [CarError, RepoError],
  generate: async (random) => {
    const source = random.pick(sources)
    const car = carOf(random.chance(0.2) ? source : await forge(source, random), random)
    return random.chance(0.1) ? mutateBytes(car, random) : car
  },
  run: async (input) => {
    const store = memoryStore()
    const options = { did: DID, signingKeys: [SIGNER], now: NOW }
    const facts = await writeRepo(await indexCar(inMemory(input)), options, store, FILE)
    return { facts, car: store.files.get(FILE) ?? new Uint8Array() }
  },
  check: async (_, { facts, car }) => {
    const again = await verifyStored(inMemory(car), { did: DID, signingKeys: [SIGNER], now: NOW })
    if (again.root !== facts.root || again.records !== facts.records || again.blobs.size !== facts.blobs.size)
      throw new Error('written again it is another repository')
    // What no record of it forbids is taken as strictly as everything that is imported.
    if (facts.malformed.length > 0) return
    const { repo, records } = await importCar(car, { did: DID, signingKey: SIGNER, now: NOW })
    if (repo.cid.toString() !== facts.root || records.length !== facts.records)
      throw new Error('an import finds another repository')
  },
  ...hex,
}
