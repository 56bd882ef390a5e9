import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { carSection } from '../../../src/repo/car/writeCar.ts'
import { SectionReader } from '../../../src/repo/car/sectionReader.ts'
import { cborCid, rawCid } from '../fixture.ts'
import { CID_LENGTH, sameCid } from '../../../src/repo/cidBytes.ts'

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)

// Around each number of bytes that a length takes; the CID is counted.
const length = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 127 - CID_LENGTH - 1, max: 128 - CID_LENGTH + 1 }),
  fc.integer({ min: 2 ** 14 - CID_LENGTH - 2, max: 2 ** 14 - CID_LENGTH + 2 }),
  fc.integer({ min: 2 ** 14, max: 70_000 }),
)

describe('sections in a buffer', () => {
  test('each is where it was written', () => {
    fc.assert(
      fc.property(fc.array(length, { maxLength: 8 }), fc.nat(100), fc.nat(50), (lengths, before, cut) => {
        const blocks = lengths.map((size, i) => filled(size, i))
        const sections = blocks.map((block, i) => carSection(i % 2 ? rawCid(block) : cborCid(block), block))
        const bytes = new Uint8Array(Buffer.concat([filled(before, 0xff), ...sections]))
        const found = new SectionReader(bytes, before)
        for (const [i, block] of blocks.entries()) {
          const start = found.end
          expect(found.next()).toBe(true)
          expect(found.start).toBe(start)
          expect(bytes.subarray(found.start, found.end)).toEqual(sections[i])
          expect(bytes.subarray(found.blockAt, found.end)).toEqual(block)
          const cid = (i % 2 ? rawCid(block) : cborCid(block)).bytes
          expect(bytes.subarray(found.cidAt, found.blockAt)).toEqual(cid)
          expect(sameCid(bytes, found.cidAt, cid, 0)).toBe(true)
        }
        expect(found.end).toBe(bytes.length)
        expect(found.next()).toBe(false)

        // Cut inside the last section: all before it are read, and it is not, however often that is tried.
        const last = sections.at(-1)
        if (!last) return
        const short = new SectionReader(
          bytes.subarray(0, bytes.length - Math.min(cut + 1, last.length)),
          before,
        )
        for (let i = 1; i < blocks.length; i++) expect(short.next()).toBe(true)
        const { end } = short
        for (let i = 0; i < 3; i++) expect([short.next(), short.end]).toEqual([false, end])
      }),
      { numRuns: 100 },
    )
  })

  test('a section is not read before its last byte is there', () => {
    const block = filled(200, 7)
    const bytes = carSection(rawCid(block), block)
    for (let cut = 0; cut < bytes.length; cut++)
      expect(new SectionReader(bytes.subarray(0, cut)).next(), `${cut} bytes`).toBe(false)
    expect(new SectionReader(bytes).next()).toBe(true)
  })

  test('a length of four bytes is read', () => {
    const block = filled(2 ** 21, 7)
    const sections = new SectionReader(carSection(rawCid(block), block))
    expect(sections.next()).toBe(true)
    expect([sections.cidAt, sections.blockAt, sections.end]).toEqual([4, 40, 40 + 2 ** 21])
  })

  test('whatever the bytes are, a section is within them and after the last', () => {
    const check = (bytes: Uint8Array): void => {
      const sections = new SectionReader(bytes)
      for (let before = 0; sections.next(); before = sections.end) {
        expect(sections.start).toBe(before)
        expect(sections.cidAt).toBeGreaterThan(sections.start)
        expect(sections.blockAt).toBe(sections.cidAt + CID_LENGTH)
        expect(sections.end).toBeGreaterThanOrEqual(sections.blockAt)
        expect(sections.end).toBeLessThanOrEqual(bytes.length)
      }
    }
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(200).map((size) => Uint8Array.of((size & 0x7f) | (size > 127 ? 0x80 : 0), size >> 7)),
      fc.tuple(fc.nat(400), fc.constantFrom(0x80, 0xff)).map(([size, byte]) => filled(size, byte)),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => check(new Uint8Array(Buffer.concat(parts)))),
      { numRuns: 1000 },
    )
    // A length of so many bytes that it is not a number any more.
    for (const byte of [0x80, 0xff])
      for (const size of [6, 7, 145, 146, 147, 148, 200, 2000])
        expect(new SectionReader(Uint8Array.of(...filled(size, byte), 40, ...filled(100, 1))).next()).toBe(
          false,
        )
  })

  test('CIDs are the same if all their bytes are', () => {
    const cid = cborCid(filled(10, 1)).bytes
    const put = (bytes: Uint8Array, at: number): Uint8Array =>
      Uint8Array.of(...filled(at, 9), ...bytes, ...filled(3, at))
    for (const at of [0, 1, 40]) {
      expect(sameCid(cid, 0, put(cid, at), at)).toBe(true)
      expect(sameCid(put(cid, at), at, cid, 0)).toBe(true)
      for (let i = 0; i < CID_LENGTH; i++) {
        const other = cid.slice()
        other[i] = (other[i] ?? 0) ^ 1
        expect(sameCid(cid, 0, put(other, at), at), `byte ${i}`).toBe(false)
      }
      expect(sameCid(cid, 0, put(cid, at), at + 1)).toBe(false)
    }
  })
})
