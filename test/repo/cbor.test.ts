import { decode, encode } from '@atproto/lex-cbor'
import { isPlainObject } from '@atproto/lex-data'
import type { Cid, LexValue } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CborError, checkCbor, decodeBlock, links } from '../../src/repo/cbor.ts'
import type { CborErrorCode } from '../../src/repo/cbor.ts'
import { cidText } from '../../src/repo/cid.ts'
import { cborCid, rawCid } from './fixture.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const repeat = (byte: number, times: number): Uint8Array => new Uint8Array(times).fill(byte)

const refusal = (bytes: Uint8Array): CborErrorCode | undefined => {
  try {
    checkCbor(bytes)
    return undefined
  } catch (error) {
    if (error instanceof CborError) return error.code
    throw error
  }
}

const cid = fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes): Cid => cborCid(bytes))

const { value } = fc.letrec<{ value: LexValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replaceAll('\ufeff', '')),
    fc.uint8Array({ maxLength: 300 }),
    cid,
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(
      fc
        .string({ unit: 'binary', maxLength: 12 })
        .filter((key) => key !== '__proto__' && !key.includes('\ufeff')),
      tie('value'),
      { maxKeys: 30, noNullPrototype: true },
    ),
  ),
}))

describe('canonical CBOR', () => {
  test('everything that the reference encoder writes is accepted and decodes to the same data', () => {
    fc.assert(
      fc.property(value, (data) => {
        const bytes = encode(data)
        const facts = checkCbor(bytes)
        expect(facts.isMap).toBe(isPlainObject(data) && !('multihash' in data))
        const decoded = decodeBlock(bytes)
        expect(encode(decoded)).toEqual(bytes)
        expect(encode(decode(bytes))).toEqual(bytes)
      }),
      { numRuns: 400 },
    )
  })

  test('what is accepted encodes to the same bytes again, also after damage', () => {
    let accepted = 0
    fc.assert(
      fc.property(value, fc.nat(), fc.integer({ min: 0, max: 255 }), (data, where, byte) => {
        const bytes = encode(data)
        bytes[where % bytes.length] = byte
        if (refusal(bytes)) return
        accepted++
        expect(encode(decodeBlock(bytes))).toEqual(bytes)
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  test('arbitrary bytes are accepted or refused with a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        if (!refusal(bytes)) expect(encode(decodeBlock(bytes))).toEqual(bytes)
      }),
      { numRuns: 3000 },
    )
  })

  const link = `d82a5825 00${Buffer.from(cborCid(repeat(1, 1)).bytes).toString('hex')}`
  const hostile: [string, string | Uint8Array, CborErrorCode][] = [
    ['nothing', '', 'Truncated'],
    ['two items', '0000', 'TrailingBytes'],
    ['100,000 nested arrays', repeat(0x81, 100_000), 'TooDeep'],
    ['129 nested arrays', new Uint8Array([...repeat(0x81, 129), 0]), 'TooDeep'],
    ['100,000 tags', repeat(0xc6, 100_000), 'BadTag'],
    ['a block of more than 2 MiB', new Uint8Array(2 * 1024 * 1024 + 1), 'TooLarge'],
    ['an array that declares four billion items', '9affffffff', 'Truncated'],
    ['a map that declares 2^53 - 1 entries', 'bb001fffffffffffff', 'Truncated'],
    ['a string that declares a gigabyte', '7a40000000 61', 'Truncated'],
    ['bytes that declare 2^64 - 1', '5bffffffffffffffff', 'IntegerRange'],
    ['an array that declares one item more than there is', '8201', 'Truncated'],
    ['a map that ends after a key', 'a16161', 'Truncated'],
    ['keys out of order by length', 'a2 626161 01 6162 02', 'KeyOrder'],
    ['keys out of order by bytes', 'a2 6162 01 6161 02', 'KeyOrder'],
    ['a key twice', 'a2 6161 01 6161 02', 'DuplicateKey'],
    ['a number as a key', 'a1 01 02', 'BadKey'],
    ['bytes as a key', 'a1 4161 02', 'BadKey'],
    ['a key that is not UTF-8', 'a1 61ff 02', 'BadUtf8'],
    ['a half float', 'f93c00', 'Float'],
    ['a float', 'fa3f800000', 'Float'],
    ['a double', 'fb3ff0000000000000', 'Float'],
    ['NaN', 'f97e00', 'Float'],
    ['undefined', 'f7', 'BadSimple'],
    ['a simple value', 'e0', 'BadSimple'],
    ['a simple value of two bytes', 'f8ff', 'BadSimple'],
    ['a reserved head', '1c', 'BadSimple'],
    ['an indefinite array', '9f01ff', 'Indefinite'],
    ['an indefinite map', 'bf6161 01ff', 'Indefinite'],
    ['an indefinite string', '7f6161ff', 'Indefinite'],
    ['indefinite bytes', '5f4161ff', 'Indefinite'],
    ['a break alone', 'ff', 'Indefinite'],
    ['23 in two bytes', '1817', 'NotMinimal'],
    ['255 in three bytes', '1900ff', 'NotMinimal'],
    ['65535 in five bytes', '1a0000ffff', 'NotMinimal'],
    ['2^32 - 1 in nine bytes', '1b00000000ffffffff', 'NotMinimal'],
    ['a length in two bytes', '580161', 'NotMinimal'],
    ['2^53', '1b0020000000000000', 'IntegerRange'],
    ['-2^53', '3b001fffffffffffff', 'IntegerRange'],
    ['a string that is not UTF-8', '62c328', 'BadUtf8'],
    ['an overlong character', '62c080', 'BadUtf8'],
    ['half a surrogate pair', '63eda080', 'BadUtf8'],
    ['a cut character', '61c3', 'BadUtf8'],
    ['a date', 'c074323031332d30332d32315432303a30343a30305a', 'BadTag'],
    ['a big number', 'c249010000000000000000', 'BadTag'],
    ['a link that is text', 'd82a6161', 'BadCid'],
    ['an empty link', 'd82a40', 'BadCid'],
    ['a link without its zero byte', link.replace('5825 00', '5824'), 'BadCid'],
    ['a link with another first byte', link.replace('5825 00', '5825 01'), 'BadCid'],
    ['a link of CID version 0', link.replace('00017112', '00001220'), 'BadCid'],
    ['a link by sha-512', link.replace('01711220', '01711320'), 'BadCid'],
    ['a link to dag-pb', link.replace('01711220', '01701220'), 'BadCid'],
    ['a link cut off', link.slice(0, -2), 'Truncated'],
    ['tag 42 in three bytes', link.replace('d82a', 'd9002a'), 'NotMinimal'],
  ]
  test.each(hostile)('%s is refused', (_, input, code) => {
    expect(refusal(typeof input === 'string' ? hex(input) : input)).toBe(code)
  })

  test('the limits are inclusive', () => {
    expect(checkCbor(new Uint8Array([...repeat(0x81, 128), 0]))).toEqual({ isMap: false, hasMimeType: false })
    expect(decodeBlock(hex('1b001fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER)
    expect(decodeBlock(hex('3b001ffffffffffffe'))).toBe(Number.MIN_SAFE_INTEGER)
    expect(() => checkCbor(hex('8181 00'), { depth: 1 })).toThrow(CborError)
    expect(() => checkCbor(hex('8100'), { size: 1 })).toThrow(CborError)
  })

  test('a byte order mark and a key __proto__ survive', () => {
    const decoded = decodeBlock(hex('a2 6161 64efbbbf61 69 5f5f70726f746f5f5f a1 6161 01'))
    expect(Object.entries(decoded as object)).toEqual([
      ['a', '\ufeffa'],
      ['__proto__', { a: 1 }],
    ])
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })

  test('links are found wherever they are', () => {
    const [a, b, c] = [cborCid(repeat(1, 1)), rawCid(repeat(2, 1)), cborCid(repeat(3, 1))]
    const found = links(encode({ a, list: [1, { b }], nested: { deeper: [[c]] } }))
    expect(found.map(String).sort()).toEqual([a, b, c].map(String).sort())
  })

  test('the key mimeType is reported, by which it is decided whether to decode', () => {
    expect(checkCbor(encode({ a: { mimeType: 'x' } }))).toEqual({ isMap: true, hasMimeType: true })
    expect(checkCbor(encode({ a: 'mimeType', mimeTypf: 1 }))).toEqual({ isMap: true, hasMimeType: false })
  })

  test('cidText is the text of a CID', () => {
    fc.assert(
      fc.property(cid, (any) => {
        expect(cidText(any.bytes)).toBe(any.toString())
      }),
    )
  })
})
