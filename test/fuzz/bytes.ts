import type { Random } from './random.ts'

/** Bytes that begin or end something in the formats that are read here. */
const DELIMITERS = [
  0, 1, 0x12, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x2a, 0x3b, 0x55, 0x58, 0x5f, 0x71, 0x7f, 0x80, 0x9f, 0xa0,
].concat([0xa2, 0xbf, 0xd8, 0xf4, 0xf6, 0xf7, 0xf8, 0xf9, 0xfb, 0xff])
/** Lengths that are wrong: huge, or at the edges of their width. */
const WRONG_LENGTHS = [0xffff, 0x10000, 0x7fffffff, 0xffffffff, 2 ** 40, Number.MAX_SAFE_INTEGER]

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

const varint = (value: number): Uint8Array => {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return Uint8Array.from([...bytes, rest])
}

/** A CBOR head whose argument takes this many bytes, whether it needs them or not. */
export const head = (major: number, arg: number, width: 0 | 1 | 2 | 4 | 8): Uint8Array => {
  const buffer = Buffer.alloc(9)
  buffer.writeBigUInt64BE(BigInt(arg), 1)
  const info = { 0: arg & 31, 1: 24, 2: 25, 4: 26, 8: 27 }[width]
  return join(Uint8Array.of((major << 5) | info), buffer.subarray(9 - width))
}

type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

const cut = (bytes: Uint8Array, from: number, to: number, put: Uint8Array = new Uint8Array(0)): Uint8Array =>
  join(bytes.subarray(0, from), put, bytes.subarray(to))

const set = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice()
  if (copy.length > 0) copy[at % copy.length] = value
  return copy
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const at = random.int(bytes.length)
    return set(bytes, at, (bytes[at] ?? 0) ^ (1 << random.int(8)))
  },
  (bytes, random) => set(bytes, random.int(bytes.length), random.pick(DELIMITERS)),
  (bytes, random) => set(bytes, random.int(bytes.length), random.int(256)),
  (bytes, random) => {
    const at = random.int(bytes.length)
    return set(bytes, at, (bytes[at] ?? 0) + (random.chance(0.5) ? 1 : -1))
  },
  // Truncates, removes a piece, repeats one, inserts one of another input.
  (bytes, random) => bytes.slice(0, random.int(bytes.length + 1)),
  (bytes, random) => {
    const at = random.int(bytes.length)
    return cut(bytes, at, at + 1 + random.small(64))
  },
  (bytes, random) => {
    const at = random.int(bytes.length)
    return cut(bytes, at, at, bytes.subarray(at, at + 1 + random.small(64)))
  },
  (bytes, random, others) => {
    const other = random.pick(others)
    const from = random.int(other.length)
    const at = random.int(bytes.length)
    return cut(bytes, at, at + random.small(32), other.subarray(from, from + 1 + random.small(128)))
  },
  (bytes, random, others) => {
    const other = random.pick(others)
    return join(bytes.subarray(0, random.int(bytes.length)), other.subarray(random.int(other.length)))
  },
  (bytes, random) => join(bytes, random.bytes(1 + random.small(16))),
  // Puts a varint or a CBOR head with a wrong length where there may be one.
  (bytes, random) => {
    const at = random.int(bytes.length)
    return cut(
      bytes,
      at,
      at + random.int(3),
      varint(random.pick([...WRONG_LENGTHS, random.int(300), bytes.length])),
    )
  },
  (bytes, random) => {
    const at = random.int(bytes.length)
    const length = random.pick([...WRONG_LENGTHS, random.int(300), bytes.length - at])
    const width = length > 0xffffffff ? 8 : random.pick([4, 8] as const)
    return cut(bytes, at, at + random.int(4), head(random.int(8), length, width))
  },
  (bytes, random) => {
    const at = random.int(bytes.length)
    return cut(bytes, at, at, new Uint8Array(1 + random.small(8000)).fill(random.pick(DELIMITERS)))
  },
]

/** Makes one to six small changes. */
export const mutateBytes = (
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[] = [bytes],
): Uint8Array => {
  let result = bytes
  for (let left = 1 + random.small(6); left > 0; left--)
    result = random.pick(MUTATIONS)(result, random, others)
  return result
}
