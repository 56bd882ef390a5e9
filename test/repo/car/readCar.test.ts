import { encode } from '@atproto/lex-cbor'
import { readCarStream } from '@atproto/repo'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteStream } from '../../../src/streams/byteStream.ts'
import { CarError } from '../../../src/repo/car/carError.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import type { Block } from '../../../src/repo/block.ts'
import type { CarErrorCode } from '../../../src/repo/car/carError.ts'
import type { CarLimits } from '../../../src/repo/car/readCar.ts'
import { SectionReader } from '../../../src/repo/car/sectionReader.ts'
import { cborCid, piecesOf, posts, rawCid, referenceRepo, streamOf } from '../fixture.ts'

const block = (bytes: Uint8Array): Block => ({ cid: rawCid(bytes), bytes })
const filled = (length: number, byte = 7): Block => block(new Uint8Array(length).fill(byte))
const root = cborCid(new Uint8Array([1]))
const join = (...parts: (Uint8Array | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]))
const section = ({ cid, bytes }: Block): Uint8Array => carSection(cid, bytes)

const readAll = async (body: Parameters<typeof readCar>[0], limits?: CarLimits) => {
  const reader = await readCar(body, limits)
  const blocks = []
  for await (const next of reader) blocks.push(next)
  return { roots: reader.roots, blocks }
}

/** The same blocks from runs, each of which must be whole sections. */
const readRuns = async (body: Parameters<typeof readCar>[0], limits?: CarLimits) => {
  const reader = await readCar(body, limits)
  const runs: Uint8Array[] = []
  for await (const run of reader.runs()) {
    const sections = new SectionReader(run)
    while (sections.next());
    expect(run.length).toBeGreaterThan(0)
    expect(sections.end).toBe(run.length)
    runs.push(run.slice())
  }
  return { roots: reader.roots, runs }
}

const codeOf = async (reading: Promise<unknown>): Promise<CarErrorCode | undefined> => {
  try {
    await reading
    return undefined
  } catch (error) {
    if (error instanceof CarError) return error.code
    throw error
  }
}

const refusal = (car: Uint8Array, limits?: CarLimits): Promise<CarErrorCode | undefined> =>
  codeOf(readAll(streamOf(car), limits))

const collect = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

const texts = (blocks: readonly Block[]) => blocks.map(({ cid, bytes }) => [cid.toString(), [...bytes]])

describe('reading CARs', () => {
  test('the reference’s CARs give the same blocks, in chunks of any size', async () => {
    const { car, storage, cid } = await referenceRepo(posts(50))
    for (const size of [1, 7, 4096, car.length]) {
      const { roots, blocks } = await readAll(streamOf(car, size))
      expect(roots.map(String)).toEqual([cid.toString()])
      expect(texts(blocks)).toEqual(texts([...storage.blocks.entries()]))
    }
  })

  test('byte streams are read into a buffer of the reader’s own', async () => {
    const { car, storage } = await referenceRepo(posts(300))
    const body = new Blob([car.slice()]).stream()
    const { blocks } = await readAll(body as ReadableStream<Uint8Array>)
    expect(texts(blocks)).toEqual(texts([...storage.blocks.entries()]))
  })

  test('runs are the sections as they are in the CAR, in chunks of any size', async () => {
    const { car, cid } = await referenceRepo(posts(50))
    const after = car.slice(carHeader(cid).length)
    for (const size of [1, 7, 4096, car.length]) {
      const { roots, runs } = await readRuns(streamOf(car, size))
      expect(roots.map(String)).toEqual([cid.toString()])
      expect(join(...runs)).toEqual(after)
    }
  })

  test('random sections come in the same order, however the input is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.nat(300), fc.nat(300_000)), { maxLength: 12 }),
        fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 400_000 }))),
        async (lengths, sizes) => {
          const sections = lengths.map((length, i) => section(filled(length, i)))
          const car = Buffer.concat([carHeader(root), ...sections])
          async function* chunks() {
            for (let at = 0; at < car.length;) {
              const size = sizes.next().value ?? 1
              yield new Uint8Array(car.subarray(at, at + size))
              at += size
            }
          }
          const { runs } = await readRuns(chunks())
          expect(Buffer.compare(Buffer.concat(runs), Buffer.concat(sections))).toBe(0)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a CAR of several large sections is read in runs of bounded size', async () => {
    const blocks = Array.from({ length: 40 }, (_, i) => filled(100_000, i))
    const car = join(carHeader(root), ...blocks.map(section))
    const { runs } = await readRuns(streamOf(car, 1_000_000))
    expect(Math.max(...runs.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024)
    expect(Buffer.concat(runs)).toHaveLength(40 * section(filled(100_000)).length)
  })

  test('a block does not keep the buffer that it was read into', async () => {
    const { blocks } = await readAll(streamOf(join(carHeader(root), section(filled(10)))))
    expect(blocks[0]?.bytes.buffer.byteLength).toBeLessThan(100)
  })

  test('no roots, an empty block and equal blocks are allowed', async () => {
    const { roots, blocks } = await readAll(
      streamOf(join(carHeader(null), section(filled(0)), section(filled(3)), section(filled(3)))),
    )
    expect(roots).toEqual([])
    expect(blocks).toHaveLength(3)
  })

  const good = section(filled(100))
  const damaged = good.slice()
  damaged[good.length - 1] = 0
  const header = (data: Parameters<typeof encode>[0]): Uint8Array => {
    const bytes = encode(data)
    return join([bytes.length], bytes)
  }
  const otherCid = (index: number, byte: number): Uint8Array => {
    const copy = good.slice()
    copy[index + 2] = byte
    return copy
  }
  const start = carHeader(root)
  const cases: [string, Uint8Array, CarErrorCode, CarLimits?][] = [
    ['nothing at all', join(), 'TruncatedCar'],
    ['a header that is cut', start.slice(0, 20), 'TruncatedCar'],
    ['a section that is cut', join(start, good.slice(0, 60)), 'TruncatedCar'],
    ['a length that is cut', join(start, [0x88]), 'TruncatedCar'],
    ['a header that declares a gigabyte', join([0x80, 0x80, 0x80, 0x80, 4]), 'BadHeader'],
    ['a header that is not CBOR', join([2, 0xff, 0xff]), 'BadHeader'],
    ['a header that is a number', join([1, 1]), 'BadHeader'],
    ['version 2', header({ roots: [root], version: 2 }), 'BadHeader'],
    ['no version', header({ roots: [root] }), 'BadHeader'],
    ['no roots', header({ version: 1 }), 'BadHeader'],
    ['roots that are not a list', header({ roots: root, version: 1 }), 'BadHeader'],
    ['a root that is text', header({ roots: ['a'], version: 1 }), 'BadHeader'],
    [
      'a root that looks like a CID',
      header({ roots: [{ bytes: 1, multihash: 2 }], version: 1 }),
      'BadHeader',
    ],
    ['a section that declares 400 MB', join(start, [0x80, 0x88, 0xdf, 0xbe, 1]), 'SectionTooLarge'],
    ['a section of more than the cap', join(start, good), 'SectionTooLarge', { section: 100 }],
    [
      'a section of more than the cap behind another',
      join(start, section(filled(10)), good),
      'SectionTooLarge',
      { section: 100 },
    ],
    ['an empty section', join(start, [0]), 'BadCid'],
    ['zero padding', join(start, good, [0, 0, 0]), 'BadCid'],
    ['a section too short for a CID', join(start, good.slice(0, 1 + 30)), 'TruncatedCar'],
    ['a CID of version 0', join(start, otherCid(0, 0)), 'BadCid'],
    ['a CID of another codec', join(start, otherCid(1, 0x70)), 'BadCid'],
    ['a CID by another hash', join(start, otherCid(2, 0x13)), 'BadCid'],
    ['a CID with a shorter digest', join(start, otherCid(3, 0x1f)), 'BadCid'],
    ['a block with another hash', join(start, damaged), 'HashMismatch'],
    ['a length in more bytes than it needs', join(start, [0x88, 0x81, 0]), 'BadVarint'],
    [
      'a length of ten bytes',
      join(
        start,
        Array.from({ length: 10 }, () => 0xff),
      ),
      'BadVarint',
    ],
    ['more blocks than allowed', join(start, good, good, good), 'TooManyBlocks', { blocks: 2 }],
    ['more bytes than allowed', join(start, good, good, good), 'TooLarge', { total: 200 }],
    ['a larger header than allowed', start, 'BadHeader', { header: 10 }],
  ]
  test.each(cases)('%s is refused', async (_, car, code, limits) => {
    for (const size of [1, 4096]) {
      expect(await codeOf(readAll(streamOf(car, size), limits))).toBe(code)
      expect(await codeOf(readRuns(streamOf(car, size), limits))).toBe(code)
    }
  })

  test('unknown fields in the header are ignored', async () => {
    const { roots, blocks } = await readAll(streamOf(join(header({ roots: [root], version: 1, a: 1 }), good)))
    expect([roots.map(String), blocks.length]).toEqual([[root.toString()], 1])
  })

  test('padded lengths are read where they are allowed, and each block says where it is', async () => {
    const bytes = filled(10)
    const padded = join(start, [46 | 0x80, 0x80, 0], bytes.cid.bytes, bytes.bytes, good)
    expect(await refusal(padded)).toBe('BadVarint')
    for (const size of [1, 4096]) {
      const reader = await readCar(streamOf(padded, size), { paddedLengths: true })
      let count = 0
      for await (const { bytes, offset } of reader) {
        expect(padded.slice(offset, offset + bytes.length)).toEqual(bytes)
        count++
      }
      expect(count).toBe(2)
    }
  })

  test('a bit flipped anywhere is refused with a typed error, or is where no hash covers it', async () => {
    const { car } = await referenceRepo(posts(5))
    const whole = await readAll(streamOf(car))
    await fc.assert(
      fc.asyncProperty(fc.nat(car.length - 1), fc.nat(7), async (at, bit) => {
        const copy = car.slice()
        copy[at] = (copy[at] ?? 0) ^ (1 << bit)
        const code = await refusal(copy)
        if (code !== undefined) return
        // Only the root in the header and a codec byte are not covered by a hash.
        const other = await readAll(streamOf(copy))
        expect(other.blocks.map(({ bytes }) => bytes)).toEqual(whole.blocks.map(({ bytes }) => bytes))
      }),
      { numRuns: 300 },
    )
  })

  test('the input is cancelled after an error and when the reader stops', async () => {
    const cancelled: string[] = []
    const endless = (name: string, first: Uint8Array) =>
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(first),
        pull: (controller) => controller.enqueue(good),
        cancel: () => void cancelled.push(name),
      })
    await expect(readCar(endless('header', new Uint8Array([1, 1])))).rejects.toThrow(CarError)
    await expect(readAll(endless('block', join(start, damaged)))).rejects.toThrow(CarError)
    for await (const _ of await readCar(endless('left', start))) break
    await expect(readRuns(endless('run', join(start, damaged)))).rejects.toThrow(CarError)
    for await (const _ of (await readCar(endless('left run', start))).runs()) break
    await (await readCar(endless('cancelled', start))).cancel()
    expect(cancelled).toEqual(['header', 'block', 'left', 'run', 'left run', 'cancelled'])
  })

  test('an error of the stream is passed on as it is', async () => {
    const gone = new Error('connection lost')
    let sent = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (sent) controller.error(gone)
        else controller.enqueue(join(start, good))
        sent = true
      },
    })
    await expect(readAll(body)).rejects.toBe(gone)
  })
})

describe('writing CARs', () => {
  /** A CAR of these blocks, one piece for each. */
  const carOf = (first: Parameters<typeof carHeader>[0], blocks: readonly Block[]) =>
    collect(byteStream(piecesOf([carHeader(first), ...blocks.map(section)])))

  test('the reference reads what we write, and we read it', async () => {
    const { storage, cid } = await referenceRepo(posts(200))
    const entries = [...storage.blocks.entries()]
    const car = await carOf(cid, entries)
    expect(texts((await readAll(streamOf(car))).blocks)).toEqual(texts(entries))
    const read = await readCarStream([car])
    const blocks: Block[] = []
    for await (const next of read.blocks) blocks.push(next)
    expect(texts(blocks)).toEqual(texts(entries))
    expect(read.roots.map(String)).toEqual([cid.toString()])
  })

  test('sections of every length keep their bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 70_000 }), { maxLength: 8 }),
        fc.integer({ min: 100, max: 200_000 }),
        async (lengths, size) => {
          const blocks = lengths.map((length, i) => filled(length, i))
          const car = await carOf(null, blocks)
          const read = await readAll(streamOf(car, size))
          expect(read.blocks.map(({ cid }) => cid.toString())).toEqual(
            blocks.map(({ cid }) => cid.toString()),
          )
          expect(read.blocks.map(({ bytes }) => bytes.length)).toEqual(lengths)
        },
      ),
      { numRuns: 30 },
    )
  })
})
