/** The client's decoder compared with the reference's, and with the server's strict reader. */
import { decode, encode } from '@atproto/lex-cbor'
import { type Cid, cidForRawHash, ifCid, type LexValue } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBlock, decodeFirst } from '../../../src/client/subscribe/cbor.ts'
import { checkCbor } from '../../../src/repo/cbor.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const repeat = (byte: number, times: number): Uint8Array => new Uint8Array(times).fill(byte)

/** What the reference decodes, with its links as text. */
const plain = (value: LexValue): unknown => {
  const cid = typeof value === 'object' && value !== null ? ifCid(value) : null
  if (cid) return { $link: cid.toString() }
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner as LexValue)]))
}

const accepts = (read: () => unknown): boolean => {
  try {
    read()
    return true
  } catch {
    return false
  }
}

const cid = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((hash): Cid => cidForRawHash(hash))

const { value } = fc.letrec<{ value: LexValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32),
    fc.maxSafeInteger(),
    // The reference drops a byte order mark at the start of a string.
    fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\ufeff', '')),
    fc.uint8Array({ maxLength: 300 }),
    cid,
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(
      fc
        .string({ unit: 'binary', maxLength: 30 })
        .filter((key) => key !== '__proto__' && !key.includes('\ufeff')),
      tie('value'),
      { maxKeys: 30, noNullPrototype: true },
    ),
  ),
}))

describe('the decoder', () => {
  it('decodes what the reference encodes as the reference decodes it', () => {
    fc.assert(
      fc.property(value, (data) => {
        const bytes = encode(data)
        expect(decodeBlock(bytes)).toEqual(plain(decode(bytes)))
      }),
      { numRuns: 1000 },
    )
  })

  it('accepts and refuses exactly what the server does, whatever the damage', () => {
    let accepted = 0
    fc.assert(
      fc.property(value, fc.nat(), fc.integer({ min: 0, max: 255 }), (data, where, byte) => {
        const bytes = encode(data)
        bytes[where % bytes.length] = byte
        const wanted = accepts(() => checkCbor(bytes))
        expect(accepts(() => decodeBlock(bytes))).toBe(wanted)
        if (!wanted) return
        accepted++
        expect(encode(decode(bytes))).toEqual(bytes)
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it('throws nothing but a TypeError, on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeBlock(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
          expect(accepts(() => checkCbor(bytes))).toBe(false)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('reads items that follow one another, and says where each ends', () => {
    const [a, b] = [encode({ op: 1 }), encode([1, 'two'])]
    const bytes = Buffer.concat([a, b])
    const first = decodeFirst(bytes)
    expect(first).toEqual({ value: { op: 1 }, end: a.length })
    expect(decodeFirst(bytes, first.end)).toEqual({ value: [1, 'two'], end: bytes.length })
  })

  it('returns bytes of their own, also from a slice of a larger buffer', () => {
    const whole = Buffer.concat([
      repeat(0xff, 7),
      encode({ b: new Uint8Array([1, 2]), t: 'ä' }),
      repeat(0xff, 9),
    ])
    const found = decodeBlock(whole.subarray(7, -9)) as { b: Uint8Array }
    whole.fill(0)
    expect(found).toEqual({ b: new Uint8Array([1, 2]), t: 'ä' })
    expect(found.b.buffer.byteLength).toBe(2)
  })

  it('keeps a byte order mark and a key __proto__', () => {
    expect(decodeBlock(hex('64 efbbbf 61'))).toBe('\ufeffa')
    const object = decodeBlock(hex('a1 69 5f5f70726f746f5f5f a1 6161 01')) as object
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    expect(Object.getOwnPropertyNames(object)).toEqual(['__proto__'])
  })

  const link = Buffer.from(cidForRawHash(repeat(1, 32)).bytes).toString('hex')
  it.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['two items', '0000'],
    ['100,000 nested arrays', repeat(0x81, 100_000)],
    ['129 nested arrays', new Uint8Array([...repeat(0x81, 129), 0])],
    ['100,000 tags', repeat(0xc6, 100_000)],
    ['an array that declares four billion items', '9affffffff'],
    ['a map that declares 2^53 - 1 entries', 'bb001fffffffffffff'],
    ['a string that declares a gigabyte', '7a40000000 61'],
    ['bytes that declare 2^64 - 1', '5bffffffffffffffff'],
    ['keys out of order by length', 'a2 626161 01 6162 02'],
    ['keys out of order by bytes', 'a2 6162 01 6161 02'],
    ['a key twice', 'a2 6161 01 6161 02'],
    ['a number as a key', 'a1 01 02'],
    ['bytes as a key', 'a1 4161 02'],
    ['a key that is not UTF-8', 'a1 61ff 02'],
    ['a half float', 'f93c00'],
    ['a float', 'fa3f800000'],
    ['a double', 'fb3ff0000000000000'],
    ['undefined', 'f7'],
    ['a simple value of two bytes', 'f8ff'],
    ['true in two bytes', 'f815'],
    ['a reserved head', '1c'],
    ['an indefinite array', '9f01ff'],
    ['an indefinite map', 'bf6161 01ff'],
    ['an indefinite string', '7f6161ff'],
    ['23 in two bytes', '1817'],
    ['2^32 - 1 in nine bytes', '1b00000000ffffffff'],
    ['2^53', '1b0020000000000000'],
    ['-2^53', '3b001fffffffffffff'],
    ['a date', 'c0 61 61'],
    ['a link to no CID', 'd82a 41 00'],
    ['a link without its zero', `d82a 5824 ${link}`],
    ['a link of another hash', `d82a 5825 00 ${link.replace(/^(....)12/, '$113')}`],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeBlock(typeof bytes === 'string' ? hex(bytes) : bytes)).toThrow(TypeError)
  })
})
