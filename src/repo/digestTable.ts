const WORDS = 4
const START = 1024

/**
 * Where blocks are, by the first 64 bits of their digests: 16 bytes a slot, where a Map would take
 * hundreds, so that a whole repository's blocks fit. Two numbers stand beside each digest, the
 * second below 2^32 - 1. Equal beginnings are no proof: whoever finds a place compares the CID there.
 */
export class DigestTable {
  readonly #seed: number
  #words = new Uint32Array(START * WORDS)
  #slots = START
  size = 0

  /** `seed`: 32 random bits, so that nobody can choose blocks that crowd together. */
  constructor(seed: number) {
    this.#seed = seed
  }

  /** Adds a place for the CID at `at` of `bytes`, also where there is one already. */
  add(bytes: Uint8Array, at: number, first: number, second: number): void {
    if (this.size * 4 >= this.#slots * 3) this.#grow()
    this.#put(word(bytes, at + 4), word(bytes, at + 8), first, second + 1)
    this.size++
  }

  /** A slot of the CID at `at` of `bytes`, the first or the one after `slot`; -1: there is none. */
  find(bytes: Uint8Array, at: number, slot = -1): number {
    const a = word(bytes, at + 4)
    const b = word(bytes, at + 8)
    const table = this.#words
    let next = slot < 0 ? this.#start(a, b) : (slot + 1) % this.#slots
    for (; ; next = (next + 1) % this.#slots) {
      const index = next * WORDS
      if (table[index + 3] === 0) return -1
      if (table[index] === a && table[index + 1] === b) return next
    }
  }

  first(slot: number): number {
    return this.#words[slot * WORDS + 2] ?? 0
  }

  second(slot: number): number {
    return (this.#words[slot * WORDS + 3] ?? 1) - 1
  }

  set(slot: number, first: number, second: number): void {
    this.#words[slot * WORDS + 2] = first
    this.#words[slot * WORDS + 3] = second + 1
  }

  #start(a: number, b: number): number {
    const mixed = Math.imul(Math.imul(a ^ this.#seed, 0x9e3779b1) ^ b, 0x85ebca6b) >>> 0
    return mixed % this.#slots
  }

  #put(a: number, b: number, first: number, second: number): void {
    const table = this.#words
    let slot = this.#start(a, b)
    while (table[slot * WORDS + 3] !== 0) slot = (slot + 1) % this.#slots
    const index = slot * WORDS
    table[index] = a
    table[index + 1] = b
    table[index + 2] = first
    table[index + 3] = second
  }

  #grow(): void {
    const old = this.#words
    this.#slots = Math.ceil(this.#slots * 1.5)
    this.#words = new Uint32Array(this.#slots * WORDS)
    for (let i = 0; i < old.length; i += WORDS) {
      const second = old[i + 3] ?? 0
      if (second !== 0) this.#put(old[i] ?? 0, old[i + 1] ?? 0, old[i + 2] ?? 0, second)
    }
  }
}

const word = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>>
  0
