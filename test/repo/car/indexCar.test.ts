import { describe, expect, it } from 'vitest'
import { BlockMarks } from '../../../src/repo/car/blockMarks.ts'
import { type CarBytes, indexCar } from '../../../src/repo/car/indexCar.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { cborCid } from '../../../src/repo/cid.ts'

/** CBOR of a map with one text. */
const blockOf = (n: number): Uint8Array =>
  Buffer.concat([Buffer.from([0xa1, 0x61, 0x74, 0x78, 200]), Buffer.from(String(n).padEnd(200, 'x'))])

const inMemory = (bytes: Uint8Array, size = bytes.length): CarBytes => ({
  size,
  read: (offset, length) => bytes.subarray(offset, offset + length),
  async *stream() {
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
  },
})

const carOf = (...blocks: Uint8Array[]): Uint8Array =>
  Buffer.concat([
    carHeader(cborCid(blocks[0] ?? new Uint8Array())),
    ...blocks.map((block) => carSection(cborCid(block), block)),
  ])

describe('an indexed CAR', () => {
  it('gives each of 20,000 blocks and its number, and nothing for a block that it does not have', async () => {
    const blocks = Array.from({ length: 20_000 }, (_, n) => blockOf(n))
    const car = await indexCar(inMemory(carOf(...blocks)))
    expect(car.blocks).toBe(20_000)
    const numbers = new Set<number>()
    for (const block of blocks) {
      const cid = cborCid(block)
      const found = car.find(cid.bytes)
      expect(found && Buffer.compare(found.bytes, block)).toBe(0)
      numbers.add(found?.n ?? -1)
    }
    expect([numbers.size, Math.min(...numbers), Math.max(...numbers)]).toEqual([20_000, 0, 19_999])
    expect(car.find(cborCid(blockOf(20_000)).bytes)).toBeUndefined()
    expect(car.read(cborCid(blockOf(20_000)))).toBeUndefined()
  })

  it('has one number for a block that comes again', async () => {
    const [a, b] = [blockOf(1), blockOf(2)]
    const car = await indexCar(inMemory(carOf(a, b, a, a, b)))
    expect(car.blocks).toBe(2)
    expect(car.root.equals(cborCid(a))).toBe(true)
    expect(Buffer.compare(car.read(cborCid(b)) ?? a, b)).toBe(0)
  })

  it('finds a CID in the middle of other bytes', async () => {
    const block = blockOf(3)
    const car = await indexCar(inMemory(carOf(block)))
    const bytes = new Uint8Array(100)
    bytes.set(cborCid(block).bytes, 41)
    expect(car.find(bytes, 41)?.n).toBe(0)
    expect(car.find(bytes, 40)).toBeUndefined()
  })

  it('finds nothing by a digest of which only the beginning is right', async () => {
    const block = blockOf(4)
    const car = await indexCar(inMemory(carOf(block)))
    const like = cborCid(block).bytes.slice()
    like[35] = (like[35] ?? 0) ^ 1
    expect(car.find(like)).toBeUndefined()
  })

  it('says so when the file is shorter than it was', async () => {
    const bytes = carOf(blockOf(5), blockOf(6))
    let end = bytes.length
    const car = await indexCar({
      ...inMemory(bytes),
      read: (offset, length) => bytes.subarray(offset, Math.min(end, offset + length)),
    })
    end -= 1
    expect(() => car.read(cborCid(blockOf(6)))).toThrow('the file ends at byte')
  })
})

it('marks are set and taken off once, and counted', () => {
  const marks = new BlockMarks(17)
  expect([0, 7, 8, 16].map((n) => marks.add(n))).toEqual([true, true, true, true])
  expect([marks.add(8), marks.size]).toEqual([false, 4])
  expect([marks.delete(8), marks.delete(8), marks.delete(9), marks.size]).toEqual([true, false, false, 3])
  expect([marks.add(8), marks.size]).toEqual([true, 4])
})
