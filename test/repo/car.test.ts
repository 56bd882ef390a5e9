import { encode } from '@atproto/lex-cbor'
import { readCarStream } from '@atproto/repo'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CarError, carHeader, carSection, carStream, readCar } from '../../src/repo/car.ts'
import type { CarBlock, CarErrorCode, CarLimits } from '../../src/repo/car.ts'
import { cborCid, posts, rawCid, referenceRepo, streamOf } from './fixture.ts'

const block = (bytes: Uint8Array): CarBlock => ({ cid: rawCid(bytes), bytes })
const filled = (length: number, byte = 7): CarBlock => block(new Uint8Array(length).fill(byte))
const root = cborCid(new Uint8Array([1]))
const join = (...parts: (Uint8Array | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]))
const section = ({ cid, bytes }: CarBlock): Uint8Array => carSection(cid, bytes)

const readAll = async (body: Parameters<typeof readCar>[0], limits?: CarLimits) => {
  const reader = await readCar(body, limits)
  const blocks = []
  for await (const next of reader) blocks.push(next)
  return { roots: reader.roots, blocks }
}

const refusal = async (car: Uint8Array, limits?: CarLimits): Promise<CarErrorCode | undefined> => {
  try {
    await readAll(streamOf(car), limits)
    return undefined
  } catch (error) {
    if (error instanceof CarError) return error.code
    throw error
  }
}

const collect = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

const texts = (blocks: readonly CarBlock[]) => blocks.map(({ cid, bytes }) => [cid.toString(), [...bytes]])

describe('reading CARs', () => {
  test('the reference’s CARs give the same blocks, in chunks of any size', async () => {
    const { car, storage, cid } = await referenceRepo(posts(50))
    for (const size of [1, 7, 4096, car.length]) {
      const { roots, blocks } = await readAll(streamOf(car, size))
      expect(roots.map(String)).toEqual([cid.toString()])
      expect(texts(blocks)).toEqual(texts([...storage.blocks.entries()]))
    }
  })

  test('byte streams are read with one’s own buffer', async () => {
    const { car, storage } = await referenceRepo(posts(300))
    const body = new Blob([car.slice()]).stream()
    const { blocks } = await readAll(body as ReadableStream<Uint8Array>)
    expect(texts(blocks)).toEqual(texts([...storage.blocks.entries()]))
  })

  test('a CAR of several large sections is read in batches of bounded size', async () => {
    const blocks = Array.from({ length: 40 }, (_, i) => filled(100_000, i))
    const car = join(carHeader(root), ...blocks.map(section))
    const reader = await readCar(streamOf(car, 1_000_000))
    let count = 0
    for await (const batch of reader.batches()) {
      expect(batch.length).toBeLessThan(5)
      count += batch.length
    }
    expect(count).toBe(40)
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
    ['a header of no CBOR', join([2, 0xff, 0xff]), 'BadHeader'],
    ['a header that is a number', join([1, 1]), 'BadHeader'],
    ['version 2', header({ roots: [root], version: 2 }), 'BadHeader'],
    ['no version', header({ roots: [root] }), 'BadHeader'],
    ['no roots', header({ version: 1 }), 'BadHeader'],
    ['roots that are no list', header({ roots: root, version: 1 }), 'BadHeader'],
    ['a root that is text', header({ roots: ['a'], version: 1 }), 'BadHeader'],
    [
      'a root that looks like a CID',
      header({ roots: [{ bytes: 1, multihash: 2 }], version: 1 }),
      'BadHeader',
    ],
    ['unknown fields in the header', header({ roots: [root], version: 1, a: 1 }), 'BadHeader'],
    ['a section that declares 400 MB', join(start, [0x80, 0x88, 0xdf, 0xbe, 1]), 'SectionTooLarge'],
    ['a section of more than the cap', join(start, good), 'SectionTooLarge', { section: 100 }],
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
    expect(await refusal(car, limits)).toBe(code)
  })

  test('a bit flipped anywhere is refused with a typed error, or is not in what the hashes cover', async () => {
    const { car } = await referenceRepo(posts(5))
    const whole = await readAll(streamOf(car))
    await fc.assert(
      fc.asyncProperty(fc.nat(car.length - 1), fc.nat(7), async (at, bit) => {
        const copy = car.slice()
        copy[at] = (copy[at] ?? 0) ^ (1 << bit)
        const code = await refusal(copy)
        if (code !== undefined) return
        // Only the root of the header and a codec byte can differ without a hash that notices.
        const other = await readAll(streamOf(copy))
        expect(other.blocks.map(({ bytes }) => bytes)).toEqual(whole.blocks.map(({ bytes }) => bytes))
      }),
      { numRuns: 300 },
    )
  })

  test('the sender is told to stop after an error and when the reader leaves', async () => {
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
    await (await readCar(endless('cancelled', start))).cancel()
    expect(cancelled).toEqual(['header', 'block', 'left', 'cancelled'])
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
  test('the reference reads what we write, and we read it', async () => {
    const { storage, cid } = await referenceRepo(posts(200))
    const entries = [...storage.blocks.entries()]
    const car = await collect(carStream(cid, entries))
    expect(texts((await readAll(streamOf(car))).blocks)).toEqual(texts(entries))
    const read = await readCarStream([car])
    const blocks: CarBlock[] = []
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
          const car = await collect(carStream(null, blocks))
          expect(car.length).toBe(
            carHeader(null).length + blocks.reduce((sum, b) => sum + section(b).length, 0),
          )
          const read = await readAll(streamOf(car, size))
          expect(read.blocks.map(({ cid }) => cid.toString())).toEqual(
            blocks.map(({ cid }) => cid.toString()),
          )
        },
      ),
      { numRuns: 30 },
    )
  })

  test('nothing is read ahead of the reader, who can leave', async () => {
    let produced = 0
    let returned = false
    async function* endless() {
      try {
        for (;;) {
          produced++
          yield filled(10_000)
        }
      } finally {
        returned = true
      }
    }
    const stream = carStream(root, endless())
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(produced).toBe(0)
    const reader = stream.getReader()
    // The first block goes out alone: nobody waits for more than that until something comes.
    const first = await reader.read()
    expect(first.value?.length).toBeLessThan(11_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(produced).toBe(1)
    let length = 0
    for (let n = 0; n < 3; n++) length = (await reader.read()).value?.length ?? 0
    expect(length).toBeGreaterThan(64 * 1024)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(produced).toBe(10)
    await reader.cancel()
    expect(returned).toBe(true)
  })

  test('an error of the source breaks the stream instead of ending it', async () => {
    async function* failing() {
      yield filled(10)
      throw new Error('the database went away')
    }
    await expect(collect(carStream(root, failing()))).rejects.toThrow('the database went away')
  })
})
