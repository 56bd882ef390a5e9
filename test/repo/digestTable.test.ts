import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DigestTable } from '../../src/repo/digestTable.ts'
import { sha256 } from '../../src/repo/sha256.ts'

type Pair = readonly [first: number, second: number]

const MOST = 2 ** 32 - 1

/** A CID with these words at the beginning of its digest, `at` bytes into a buffer. */
const cidAt = (at: number, a: number, b: number): Uint8Array => {
  const bytes = new Uint8Array(at + 36).fill(0xee)
  const view = new DataView(bytes.buffer)
  view.setUint32(at + 4, a)
  view.setUint32(at + 8, b)
  return bytes
}

const slotsOf = (table: DigestTable, bytes: Uint8Array, at: number): number[] => {
  const slots: number[] = []
  for (let slot = table.find(bytes, at); slot >= 0; slot = table.find(bytes, at, slot)) slots.push(slot)
  return slots
}

const pairsOf = (table: DigestTable, bytes: Uint8Array, at: number): Pair[] =>
  slotsOf(table, bytes, at).map((slot) => [table.first(slot), table.second(slot)])

const sorted = (pairs: readonly Pair[]): string[] => pairs.map(String).sort()

// Few, so that there are duplicates, and for every seed equal hashes of different digests: the top bit
// of both words.
const crowded = fc.constantFrom(0, 1, 1024, 0x7fffffff, 0x80000000, 0x80000001, MOST)
const word = fc.oneof({ weight: 1, arbitrary: crowded }, { weight: 3, arbitrary: fc.nat(MOST) })

describe('a table of places', () => {
  test('it is a map of lists, whatever is in it and however often it has grown', () => {
    fc.assert(
      fc.property(
        fc.nat(MOST),
        fc.array(fc.tuple(crowded, word, fc.nat(MOST), fc.nat(MOST - 2), fc.boolean()), {
          maxLength: 3000,
          size: 'max',
        }),
        fc.array(fc.tuple(crowded, word), { maxLength: 50 }),
        fc.nat(9),
        (seed, entries, others, at) => {
          const table = new DigestTable(seed)
          const model = new Map<string, Pair[]>()
          let size = 0
          for (const [a, b, first, second, change] of entries) {
            const cid = cidAt(at, a, b)
            const pairs = model.get(`${a} ${b}`) ?? []
            model.set(`${a} ${b}`, pairs)
            const slot = change ? table.find(cid, at) : -1
            if (slot >= 0) {
              const old: Pair = [table.first(slot), table.second(slot)]
              const index = pairs.findIndex((pair) => String(pair) === String(old))
              expect(index).toBeGreaterThanOrEqual(0)
              pairs[index] = [first, second]
              table.set(slot, first, second)
            } else {
              pairs.push([first, second])
              table.add(cid, at, first, second)
              size++
            }
          }
          expect(table.size).toBe(size)
          for (const key of [...model.keys(), ...others.map((words) => words.join(' '))]) {
            const [a = 0, b = 0] = key.split(' ').map(Number)
            expect(sorted(pairsOf(table, cidAt(0, a, b), 0))).toEqual(sorted(model.get(key) ?? []))
          }
        },
      ),
      // Shrinking thousands of entries takes minutes and says no more.
      { numRuns: 40, endOnFailure: true },
    )
  })

  test('the largest numbers and a digest of zeros are kept like any other', () => {
    const table = new DigestTable(0)
    const zeros = cidAt(0, 0, 0)
    expect(table.find(zeros, 0)).toBe(-1)
    table.add(zeros, 0, 0, 0)
    table.add(cidAt(3, MOST, MOST), 3, MOST, MOST - 1)
    expect(pairsOf(table, zeros, 0)).toEqual([[0, 0]])
    expect(pairsOf(table, cidAt(0, MOST, MOST), 0)).toEqual([[MOST, MOST - 1]])
    expect(table.find(cidAt(0, MOST, 0), 0)).toBe(-1)
  })

  test('a hundred thousand digests are found again, and no others', () => {
    const cid = (i: number): Uint8Array =>
      Uint8Array.of(1, 0x71, 0x12, 0x20, ...sha256(Uint8Array.of(i, i >> 8, i >> 16)))
    const table = new DigestTable(0x12345678)
    for (let i = 0; i < 100_000; i++) table.add(cid(i), 0, i, i * 2)
    const wrong = []
    for (let i = 0; i < 110_000; i++) {
      const expected = i < 100_000 ? `${i},${i * 2}` : ''
      if (pairsOf(table, cid(i), 0).join(' ') !== expected) wrong.push(i)
    }
    expect(wrong).toEqual([])
    expect(table.size).toBe(100_000)
  })
})
