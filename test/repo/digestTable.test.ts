import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DigestTable } from '../../src/repo/digestTable.ts'
import { sha256 } from '../../src/repo/sha256.ts'

type Pair = readonly [first: number, second: number]

const MAX_WORD = 2 ** 32 - 1

/** A CID whose digest begins with this word, `offset` bytes into a buffer. */
const cidAt = (offset: number, digest: number): Uint8Array => {
  const bytes = new Uint8Array(offset + 36).fill(0xee)
  new DataView(bytes.buffer).setUint32(offset + 4, digest)
  return bytes
}

const pairsOf = (table: DigestTable, bytes: Uint8Array, offset: number): Pair[] =>
  table.slots(bytes, offset).map((slot) => [table.first(slot), table.second(slot)])

const sorted = (pairs: readonly Pair[]): string[] => pairs.map(String).sort()

// Only a few, so that there are duplicates.
const crowded = fc.constantFrom(0, 1, 1024, 0x7fffffff, 0x80000000, 0x80000001, MAX_WORD)
const word = fc.oneof({ weight: 1, arbitrary: crowded }, { weight: 3, arbitrary: fc.nat(MAX_WORD) })

describe('a digest table', () => {
  test('it is a map of lists, with any entries and however often it has grown', () => {
    fc.assert(
      fc.property(
        fc.nat(MAX_WORD),
        fc.array(fc.tuple(word, fc.nat(MAX_WORD), fc.nat(MAX_WORD - 2), fc.boolean()), {
          maxLength: 3000,
          size: 'max',
        }),
        fc.array(word, { maxLength: 50 }),
        fc.nat(9),
        (seed, entries, others, at) => {
          const table = new DigestTable(seed)
          const model = new Map<number, Pair[]>()
          let size = 0
          for (const [a, first, second, change] of entries) {
            const cid = cidAt(at, a)
            const pairs = model.get(a) ?? []
            model.set(a, pairs)
            const [slot = -1] = change ? table.slots(cid, at) : []
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
          for (const a of [...model.keys(), ...others])
            expect(sorted(pairsOf(table, cidAt(0, a), 0))).toEqual(sorted(model.get(a) ?? []))
        },
      ),
      // Shrinking thousands of entries takes minutes and gains nothing.
      { numRuns: 40, endOnFailure: true },
    )
  })

  test('the largest numbers and a digest of zeros are kept like any other', () => {
    const table = new DigestTable(0)
    const zeros = cidAt(0, 0)
    expect(table.slots(zeros, 0)).toEqual([])
    table.add(zeros, 0, 0, 0)
    table.add(cidAt(3, MAX_WORD), 3, MAX_WORD, MAX_WORD - 1)
    expect(pairsOf(table, zeros, 0)).toEqual([[0, 0]])
    expect(pairsOf(table, cidAt(0, MAX_WORD), 0)).toEqual([[MAX_WORD, MAX_WORD - 1]])
    expect(table.slots(cidAt(0, MAX_WORD - 1), 0)).toEqual([])
  })

  test('all of thousands of entries of one digest are found', () => {
    const table = new DigestTable(7)
    for (let i = 0; i < 10_000; i++) table.add(cidAt(0, i % 3), 0, i, 0)
    expect(table.slots(cidAt(0, 1), 0)).toHaveLength(3333)
    expect(table.slots(cidAt(0, 3), 0)).toEqual([])
  })

  test('a hundred thousand digests are found again, and no others', () => {
    const cid = (i: number): Uint8Array =>
      Uint8Array.of(1, 0x71, 0x12, 0x20, ...sha256(Uint8Array.of(i, i >> 8, i >> 16)))
    const table = new DigestTable(0x12345678)
    for (let i = 0; i < 100_000; i++) table.add(cid(i), 0, i, i * 2)
    const wrong = []
    for (let i = 0; i < 110_000; i++) {
      const found = pairsOf(table, cid(i), 0).map(String)
      if (found.includes(`${i},${i * 2}`) !== i < 100_000 || found.length > 2) wrong.push(i)
    }
    expect(wrong).toEqual([])
    expect(table.size).toBe(100_000)
  })
})
