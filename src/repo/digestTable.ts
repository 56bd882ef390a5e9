const WORDS = 3
const START = 64
// Parts that grow one by one, so that the whole is never there twice.
const PARTS = 16

/**
 * Where blocks are, by their digests: 12 bytes a slot, where a Map would take hundreds, so that a whole
 * repository's blocks fit. Two numbers stand beside each, the second below 2^32 - 1. Only 32 bits of a digest
 * are kept, which is a hint and no proof: whoever finds a place compares the CID there.
 */
export class DigestTable {
  readonly #seed: number
  readonly #parts = Array.from({ length: PARTS }, () => new Uint32Array(START * WORDS))
  readonly #sizes = new Uint32Array(PARTS)
  size = 0

  /** `seed`: 32 random bits, so that nobody can choose blocks that crowd together. */
  constructor(seed: number) {
    this.#seed = seed
  }

  /** Adds a place for the CID at `at` of `bytes`, also where there is one already. */
  add(bytes: Uint8Array, at: number, first: number, second: number): void {
    const digest = digestWord(bytes, at)
    const n = this.#mix(digest) % PARTS
    const size = (this.#sizes[n] ?? 0) + 1
    let part = this.#parts[n] ?? new Uint32Array(0)
    if (size * WORDS * 5 > part.length * 4) part = this.#grow(n, part)
    this.#put(part, digest, first, second + 1)
    this.#sizes[n] = size
    this.size++
  }

  /** A slot of the CID at `at` of `bytes`, the first or the one after `slot`; -1: there is none. */
  find(bytes: Uint8Array, at: number, slot = -1): number {
    const digest = digestWord(bytes, at)
    const mixed = this.#mix(digest)
    const n = mixed % PARTS
    const part = this.#parts[n] ?? new Uint32Array(0)
    const slots = part.length / WORDS
    let next = slot < 0 ? Math.floor(mixed / PARTS) % slots : (Math.floor(slot / PARTS) + 1) % slots
    for (; ; next = (next + 1) % slots) {
      if (part[next * WORDS + 2] === 0) return -1
      if (part[next * WORDS] === digest) return next * PARTS + n
    }
  }

  first(slot: number): number {
    return this.#parts[slot % PARTS]?.[Math.floor(slot / PARTS) * WORDS + 1] ?? 0
  }

  second(slot: number): number {
    return (this.#parts[slot % PARTS]?.[Math.floor(slot / PARTS) * WORDS + 2] ?? 1) - 1
  }

  /** The 32 bits of the digest. */
  digest(slot: number): number {
    return this.#parts[slot % PARTS]?.[Math.floor(slot / PARTS) * WORDS] ?? 0
  }

  /** All slots that hold a place, in no order that means anything; good until the next is added. */
  *slots(): Generator<number, void, void> {
    for (const [n, part] of this.#parts.entries()) {
      for (let i = 0; i < part.length; i += WORDS) if (part[i + 2] !== 0) yield (i / WORDS) * PARTS + n
    }
  }

  set(slot: number, first: number, second: number): void {
    this.#parts[slot % PARTS]?.set([first, second + 1], Math.floor(slot / PARTS) * WORDS + 1)
  }

  #mix(digest: number): number {
    const mixed = Math.imul(digest ^ this.#seed, 0x9e3779b1)
    return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0
  }

  #put(part: Uint32Array, digest: number, first: number, second: number): void {
    const slots = part.length / WORDS
    let slot = Math.floor(this.#mix(digest) / PARTS) % slots
    while (part[slot * WORDS + 2] !== 0) slot = (slot + 1) % slots
    part[slot * WORDS] = digest
    part[slot * WORDS + 1] = first
    part[slot * WORDS + 2] = second
  }

  #grow(n: number, old: Uint32Array): Uint32Array<ArrayBuffer> {
    const part = new Uint32Array(Math.ceil((old.length / WORDS) * 1.5) * WORDS)
    for (let i = 0; i < old.length; i += WORDS) {
      const second = old[i + 2] ?? 0
      if (second !== 0) this.#put(part, old[i] ?? 0, old[i + 1] ?? 0, second)
    }
    return (this.#parts[n] = part)
  }
}

/** The first 32 bits of the digest of the CID at `at`, or the next with `from` 4 more. */
export const digestWord = (bytes: Uint8Array, at: number, from = 4): number =>
  (((bytes[at + from] ?? 0) << 24) |
    ((bytes[at + from + 1] ?? 0) << 16) |
    ((bytes[at + from + 2] ?? 0) << 8) |
    (bytes[at + from + 3] ?? 0)) >>>
  0
