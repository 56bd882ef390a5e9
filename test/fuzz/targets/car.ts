import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import { CarError } from '../../../src/repo/car/carError.ts'
import type { Block } from '../../../src/repo/block.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { minimalLengths } from '../../../src/repo/car/minimalLengths.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { SectionReader } from '../../../src/repo/car/sectionReader.ts'
import { cborCid, padded, rawCid, streamOf } from '../../repo/fixture.ts'
import { mutateBytes } from '../bytes.ts'
import { mutateItem, randomItem, read, write } from '../cbor.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { hex, same } from './same.ts'

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]

const withLength = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...varint(bytes.length), ...bytes])

const section = (random: Random): Uint8Array => {
  const block = write(random.chance(0.8) ? randomItem(random) : mutateItem(randomItem(random), random))
  const made = carSection(random.chance(0.9) ? cborCid(block) : rawCid(block), block)
  return random.chance(0.03) ? mutateBytes(made, random) : made
}

const header = (random: Random, roots: readonly Cid[]): Uint8Array => {
  const [root = null] = roots
  if (random.chance(0.7)) return carHeader(root)
  const bytes = encode({ roots: [...roots], version: 1 })
  return withLength(random.chance(0.3) ? bytes : write(mutateItem(read(bytes), random)))
}

/** How many bytes the header takes, its length included. */
const headerLength = (car: Uint8Array): number => {
  const bytes = car.findIndex((byte) => byte < 128) + 1
  return car.subarray(0, bytes).reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, bytes)
}

/** Any CAR: what was read gives the same bytes when it is written again, also where its lengths were padded. */
export const car: Target<Uint8Array, { roots: readonly Cid[]; blocks: Block[] }> = {
  name: 'car',
  typed: [CarError],
  generate: (random) => {
    const roots = Array.from({ length: random.int(3) }, () => cborCid(random.bytes(8)))
    const sections = Array.from({ length: random.small(30) }, () => section(random))
    const bytes = new Uint8Array(Buffer.concat([header(random, roots), ...sections]))
    return random.chance(0.5) ? bytes : mutateBytes(bytes, random)
  },
  run: async (input) => {
    // Chunk sizes that cut varints, CIDs and blocks at every position.
    const chunk = [37, 64, 1021, 65_536][input.length % 4]
    const reader = await readCar(streamOf(input, chunk))
    const blocks: Block[] = []
    for await (const block of reader) blocks.push(block)
    return { roots: reader.roots, blocks }
  },
  check: async (input, { roots, blocks }) => {
    const expected = withLength(encode({ roots: [...roots], version: 1 }))
    // Unknown fields of a header are ignored, so that a longer one may stand for the same.
    const declared = headerLength(input)
    const first = declared > expected.length ? input.slice(0, declared) : expected
    // The sections as they are, and cut at other positions.
    const runs: Uint8Array[] = [first]
    for await (const run of (await readCar(streamOf(input, 509))).runs()) {
      const sections = new SectionReader(run)
      while (sections.next());
      if (sections.end !== run.length) throw new Error('a run that does not end at the end of a section')
      runs.push(run.slice())
    }
    same(new Uint8Array(Buffer.concat(runs)), input)
    const longer = blocks.map(({ cid, bytes }, i) => {
      const own = carSection(cid, bytes)
      return i % 3 === 0 ? own : padded(own, i % 3)
    })
    const minimal: Uint8Array[] = [first]
    const loose = streamOf(new Uint8Array(Buffer.concat([first, ...longer])), 509)
    for await (const run of (await readCar(loose, { paddedLengths: true })).runs())
      minimal.push(minimalLengths(run).slice())
    same(new Uint8Array(Buffer.concat(minimal)), input)
    same(
      new Uint8Array(Buffer.concat([first, ...blocks.map(({ cid, bytes }) => carSection(cid, bytes))])),
      input,
    )
  },
  ...hex,
}
