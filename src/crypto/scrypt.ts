import { Buffer } from 'node:buffer'
import { pbkdf2Sync } from 'node:crypto'

/** The cost of scrypt: 128·N·r bytes of memory, which are filled and read p times. */
export interface ScryptCost {
  N: number
  r: number
  p: number
}

/** Block mixes from one pause to the next: some milliseconds of work at r = 8, so that three checks at once hold up a read little. */
const MIXES_PER_SLICE = 256

/** The 64 bytes that Salsa20 works on. */
interface Salsa extends Int32Array {
  0: number
  1: number
  2: number
  3: number
  4: number
  5: number
  6: number
  7: number
  8: number
  9: number
  10: number
  11: number
  12: number
  13: number
  14: number
  15: number
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

/** Replaces the block by Salsa20/8 of it. Unrolled: as a loop over the words it takes three times as long. */
const salsa8 = (block: Salsa): void => {
  const y0 = block[0]
  const y1 = block[1]
  const y2 = block[2]
  const y3 = block[3]
  const y4 = block[4]
  const y5 = block[5]
  const y6 = block[6]
  const y7 = block[7]
  const y8 = block[8]
  const y9 = block[9]
  const y10 = block[10]
  const y11 = block[11]
  const y12 = block[12]
  const y13 = block[13]
  const y14 = block[14]
  const y15 = block[15]
  let x0 = y0
  let x1 = y1
  let x2 = y2
  let x3 = y3
  let x4 = y4
  let x5 = y5
  let x6 = y6
  let x7 = y7
  let x8 = y8
  let x9 = y9
  let x10 = y10
  let x11 = y11
  let x12 = y12
  let x13 = y13
  let x14 = y14
  let x15 = y15
  for (let rounds = 0; rounds < 4; rounds++) {
    x4 ^= rotate((x0 + x12) | 0, 7)
    x8 ^= rotate((x4 + x0) | 0, 9)
    x12 ^= rotate((x8 + x4) | 0, 13)
    x0 ^= rotate((x12 + x8) | 0, 18)
    x9 ^= rotate((x5 + x1) | 0, 7)
    x13 ^= rotate((x9 + x5) | 0, 9)
    x1 ^= rotate((x13 + x9) | 0, 13)
    x5 ^= rotate((x1 + x13) | 0, 18)
    x14 ^= rotate((x10 + x6) | 0, 7)
    x2 ^= rotate((x14 + x10) | 0, 9)
    x6 ^= rotate((x2 + x14) | 0, 13)
    x10 ^= rotate((x6 + x2) | 0, 18)
    x3 ^= rotate((x15 + x11) | 0, 7)
    x7 ^= rotate((x3 + x15) | 0, 9)
    x11 ^= rotate((x7 + x3) | 0, 13)
    x15 ^= rotate((x11 + x7) | 0, 18)
    x1 ^= rotate((x0 + x3) | 0, 7)
    x2 ^= rotate((x1 + x0) | 0, 9)
    x3 ^= rotate((x2 + x1) | 0, 13)
    x0 ^= rotate((x3 + x2) | 0, 18)
    x6 ^= rotate((x5 + x4) | 0, 7)
    x7 ^= rotate((x6 + x5) | 0, 9)
    x4 ^= rotate((x7 + x6) | 0, 13)
    x5 ^= rotate((x4 + x7) | 0, 18)
    x11 ^= rotate((x10 + x9) | 0, 7)
    x8 ^= rotate((x11 + x10) | 0, 9)
    x9 ^= rotate((x8 + x11) | 0, 13)
    x10 ^= rotate((x9 + x8) | 0, 18)
    x12 ^= rotate((x15 + x14) | 0, 7)
    x13 ^= rotate((x12 + x15) | 0, 9)
    x14 ^= rotate((x13 + x12) | 0, 13)
    x15 ^= rotate((x14 + x13) | 0, 18)
  }
  block[0] = (x0 + y0) | 0
  block[1] = (x1 + y1) | 0
  block[2] = (x2 + y2) | 0
  block[3] = (x3 + y3) | 0
  block[4] = (x4 + y4) | 0
  block[5] = (x5 + y5) | 0
  block[6] = (x6 + y6) | 0
  block[7] = (x7 + y7) | 0
  block[8] = (x8 + y8) | 0
  block[9] = (x9 + y9) | 0
  block[10] = (x10 + y10) | 0
  block[11] = (x11 + y11) | 0
  block[12] = (x12 + y12) | 0
  block[13] = (x13 + y13) | 0
  block[14] = (x14 + y14) | 0
  block[15] = (x15 + y15) | 0
}

/** scryptBlockMix: from `words` at `input` to `out` at `output`, which must not overlap. */
const mixBlocks = (
  block: Salsa,
  r: number,
  words: Int32Array,
  input: number,
  out: Int32Array,
  output: number,
): void => {
  const last = input + 16 * (2 * r - 1)
  for (let i = 0; i < 16; i++) block[i] = words[last + i] as number
  for (let n = 0; n < 2 * r; n++) {
    for (let i = 0; i < 16; i++) block[i] = (block[i] as number) ^ (words[input + 16 * n + i] as number)
    salsa8(block)
    // The blocks with even numbers first, then those with odd ones.
    out.set(block, output + 16 * ((n >> 1) + (n % 2) * r))
  }
}

/**
 * scrypt (RFC 7914) that pauses after every few milliseconds, so that its thread does other work meanwhile. node:crypto's
 * blocks the thread in workerd until it is done, and libraries that pause do so by the clock, which stands still on
 * Cloudflare while a program computes. Takes 1.3 times as long as node:crypto's.
 */
export const pausingScrypt = async (
  password: string,
  salt: Uint8Array,
  length: number,
  { N, r, p }: ScryptCost,
  pause: () => Promise<unknown>,
): Promise<Buffer> => {
  const size = 32 * r
  const bytes = pbkdf2Sync(password, salt, 1, 4 * size * p, 'sha256')
  // Salsa20 reads the bytes as little-endian words, and so do all machines that this runs on.
  const mixed = new Int32Array(new Uint8Array(bytes).buffer)
  const memory = new Int32Array(size * N)
  const read = new Int32Array(size)
  const block = new Int32Array(16) as Salsa
  let mixes = 0
  for (let lane = 0; lane < p; lane++) {
    const x = mixed.subarray(size * lane, size * (lane + 1))
    memory.set(x)
    for (let n = 1; n < N; n++) {
      mixBlocks(block, r, memory, size * (n - 1), memory, size * n)
      if (++mixes % MIXES_PER_SLICE === 0) await pause()
    }
    mixBlocks(block, r, memory, size * (N - 1), x, 0)
    for (let n = 0; n < N; n++) {
      const at = size * ((x[size - 16] as number) & (N - 1))
      for (let i = 0; i < size; i++) read[i] = (x[i] as number) ^ (memory[at + i] as number)
      mixBlocks(block, r, read, 0, x, 0)
      if (++mixes % MIXES_PER_SLICE === 0) await pause()
    }
  }
  return pbkdf2Sync(password, Buffer.from(mixed.buffer), 1, length, 'sha256')
}
