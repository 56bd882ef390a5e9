const WORDS = 3
const PIECE = 1024
const START = 64
// Parts that grow one by one, so that no whole index is ever there twice.
const PARTS = 16
const NONE: readonly number[] = []

/**
 * Where blocks are, by their digests: 17 to 20 bytes each, where a Map would take hundreds, so that a whole
 * repository's blocks fit. Two numbers below 2^32 stand beside each. Only 32 bits of a digest are kept, which is a
 * hint and no proof: whoever finds a place compares the CID there.
 */
export class DigestTable {
  readonly #seed: number
  /** Digest, first, second, in the order in which they came: what is large is never copied. */
  readonly #entries: Uint32Array[] = []
  /** Numbers of entries, from 1, hashed; 0 is empty. At most three quarters are full. */
  readonly #index = Array.from({ length: PARTS }, () => new Uint32Array(START))
  readonly #sizes = new Uint32Array(PARTS)
  size = 0

  /** `seed`: 32 random bits, so that nobody can choose blocks that crowd together. */
  constructor(seed: number) {
    this.#seed = seed
  }

  /** Adds a place for the CID at `at` of `bytes`, also where there is one already. */
  add(bytes: Uint8Array, at: number, first: number, second: number): void {
    const digest = digestWord(bytes, at)
    const slot = this.size++
    if (slot % PIECE === 0) this.#entries.push(new Uint32Array(PIECE * WORDS))
    this.#write(slot, 0, digest)
    this.#write(slot, 1, first)
    this.#write(slot, 2, second)
    const n = this.#mix(digest) % PARTS
    const size = (this.#sizes[n] ?? 0) + 1
    this.#sizes[n] = size
    let part = this.#index[n] ?? new Uint32Array(0)
    if (size * 4 > part.length * 3) part = this.#grow(n, part)
    this.#put(part, digest, slot)
  }

  /** The slots of the CID at `at` of `bytes`. A block that comes and goes has many. */
  slots(bytes: Uint8Array, at: number): readonly number[] {
    const digest = digestWord(bytes, at)
    const mixed = this.#mix(digest)
    const part = this.#index[mixed % PARTS] ?? new Uint32Array(0)
    let slots: number[] | undefined
    for (let cell = Math.floor(mixed / PARTS) % part.length; ; cell = (cell + 1) % part.length) {
      const slot = (part[cell] ?? 0) - 1
      if (slot < 0) return slots ?? NONE
      if (this.digest(slot) === digest) (slots ??= []).push(slot)
    }
  }

  /** The 32 bits of the digest. Slots are numbered as they came, from 0. */
  digest(slot: number): number {
    return this.#word(slot, 0)
  }

  first(slot: number): number {
    return this.#word(slot, 1)
  }

  second(slot: number): number {
    return this.#word(slot, 2)
  }

  set(slot: number, first: number, second: number): void {
    this.#write(slot, 1, first)
    this.#write(slot, 2, second)
  }

  #word(slot: number, n: number): number {
    return this.#entries[Math.floor(slot / PIECE)]?.[(slot % PIECE) * WORDS + n] ?? 0
  }

  #write(slot: number, n: number, word: number): void {
    const piece = this.#entries[Math.floor(slot / PIECE)]
    if (piece) piece[(slot % PIECE) * WORDS + n] = word
  }

  #mix(digest: number): number {
    const mixed = Math.imul(digest ^ this.#seed, 0x9e3779b1)
    return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0
  }

  #put(part: Uint32Array, digest: number, slot: number): void {
    let cell = Math.floor(this.#mix(digest) / PARTS) % part.length
    while (part[cell] !== 0) cell = (cell + 1) % part.length
    part[cell] = slot + 1
  }

  #grow(n: number, old: Uint32Array): Uint32Array<ArrayBuffer> {
    const part = new Uint32Array(Math.ceil(old.length * 1.5))
    for (const entry of old) if (entry !== 0) this.#put(part, this.digest(entry - 1), entry - 1)
    return (this.#index[n] = part)
  }
}

/** The first 32 bits of the digest of the CID at `at`, or the next with `from` 4 more. */
export const digestWord = (bytes: Uint8Array, at: number, from = 4): number =>
  (((bytes[at + from] ?? 0) << 24) |
    ((bytes[at + from + 1] ?? 0) << 16) |
    ((bytes[at + from + 2] ?? 0) << 8) |
    (bytes[at + from + 3] ?? 0)) >>>
  0
