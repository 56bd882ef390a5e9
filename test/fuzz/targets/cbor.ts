import { decode, encode } from '@atproto/lex-cbor'
import type { LexValue } from '@atproto/lex-data'
import { CborError, checkCbor, decodeBlock, links } from '../../../src/repo/cbor.ts'
import { mutateBytes } from '../bytes.ts'
import { mutateItem, randomItem, write } from '../cbor.ts'
import type { Target } from '../engine.ts'
import { hex, same } from './same.ts'

/** What the reference's lax decoder accepts, written by its encoder. */
const tidied = (bytes: Uint8Array): Uint8Array => {
  try {
    return encode(decode(bytes))
  } catch {
    return bytes
  }
}

/** Blocks: those that are accepted are the only encoding of their data. */
export const cbor: Target<Uint8Array, LexValue> = {
  name: 'cbor',
  typed: [CborError],
  generate: (random) => {
    const item = randomItem(random)
    switch (random.int(4)) {
      case 0:
        return mutateBytes(write(item), random, [write(randomItem(random))])
      case 1:
        return tidied(write(mutateItem(item, random)))
      default:
        return write(mutateItem(item, random))
    }
  },
  run: (input) => {
    checkCbor(input)
    links(input)
    return decodeBlock(input)
  },
  check: (input, value) => {
    same(encode(value), input)
    const facts = checkCbor(input)
    const map =
      value !== null && typeof value === 'object' && !Array.isArray(value) && (input[0] ?? 0) >> 5 === 5
    if (facts.isMap !== map) throw new Error(`facts say map: ${facts.isMap}`)
  },
  ...hex,
}

/** Canonical blocks, none of which may be refused. */
export const validCbor: Target<Uint8Array, LexValue> = {
  ...cbor,
  name: 'cbor-valid',
  typed: [],
  generate: (random) => write(randomItem(random, 6)),
}
