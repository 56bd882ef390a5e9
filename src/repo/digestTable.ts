/** Numbers of an entry: the digest, the first, the second. */
const ENTRY_WORDS = 3
/** Entries are kept in arrays of this many, so that they are never copied. */
const ENTRIES_PER_ARRAY = 1024
/** The index is split, and each shard grows by itself, so that the whole index is never in memory twice. */
const INDEX_SHARDS = 16
const FIRST_SHARD_CELLS = 64
const NO_SLOTS: readonly number[] = []

/**
 * Where blocks are, by their digests: 17 to 20 bytes each, where a Map would take hundreds, so that a whole
 * repository's blocks fit. Each entry has two numbers below 2^32. Only 32 bits of a digest are kept, which is a
 * hint and not a proof: the caller compares the CID at the location that it finds here.
 */
export class DigestTable {
  readonly #seed: number
  /** Digest, first, second, in the order in which they were added. */
  readonly #entries: Uint32Array[] = []
  /** Hash tables of slots, each counted from 1; 0 is an empty cell. At most three quarters of the cells are full. */
  readonly #shards = Array.from({ length: INDEX_SHARDS }, () => new Uint32Array(FIRST_SHARD_CELLS))
  readonly #shardSizes = new Uint32Array(INDEX_SHARDS)
  /** How many entries there are. */
  size = 0

  /** `seed`: 32 random bits, so that nobody can choose blocks that collide. */
  constructor(seed: number) {
    this.#seed = seed
  }

  /** Adds an entry for the CID at `offset` of `bytes`, also where it has one already. */
  add(bytes: Uint8Array, offset: number, first: number, second: number): void {
    const digest = digestWord(bytes, offset)
    const slot = this.size++
    if (slot % ENTRIES_PER_ARRAY === 0) this.#entries.push(new Uint32Array(ENTRIES_PER_ARRAY * ENTRY_WORDS))
    this.#write(slot, 0, digest)
    this.#write(slot, 1, first)
    this.#write(slot, 2, second)
    const n = this.#mix(digest) % INDEX_SHARDS
    const size = (this.#shardSizes[n] ?? 0) + 1
    this.#shardSizes[n] = size
    let shard = this.#shards[n] ?? new Uint32Array(0)
    if (size * 4 > shard.length * 3) shard = this.#grow(n, shard)
    this.#put(shard, digest, slot)
  }

  /** The slots that may be of the CID at `offset` of `bytes`. A block that comes and goes has many. */
  slots(bytes: Uint8Array, offset: number): readonly number[] {
    const digest = digestWord(bytes, offset)
    const mixed = this.#mix(digest)
    const shard = this.#shards[mixed % INDEX_SHARDS] ?? new Uint32Array(0)
    let slots: number[] | undefined
    for (let cell = Math.floor(mixed / INDEX_SHARDS) % shard.length; ; cell = (cell + 1) % shard.length) {
      const slot = (shard[cell] ?? 0) - 1
      if (slot < 0) return slots ?? NO_SLOTS
      if (this.digest(slot) === digest) (slots ??= []).push(slot)
    }
  }

  /** The first 32 bits of the digest. Slots are numbered from 0, in the order in which they were added. */
  digest(slot: number): number {
    return this.#word(slot, 0)
  }

  /** The first number of an entry. */
  first(slot: number): number {
    return this.#word(slot, 1)
  }

  /** The second number of an entry. */
  second(slot: number): number {
    return this.#word(slot, 2)
  }

  /** Replaces the numbers of an entry. */
  set(slot: number, first: number, second: number): void {
    this.#write(slot, 1, first)
    this.#write(slot, 2, second)
  }

  #word(slot: number, n: number): number {
    return (
      this.#entries[Math.floor(slot / ENTRIES_PER_ARRAY)]?.[(slot % ENTRIES_PER_ARRAY) * ENTRY_WORDS + n] ?? 0
    )
  }

  #write(slot: number, n: number, word: number): void {
    const entries = this.#entries[Math.floor(slot / ENTRIES_PER_ARRAY)]
    if (entries) entries[(slot % ENTRIES_PER_ARRAY) * ENTRY_WORDS + n] = word
  }

  #mix(digest: number): number {
    const mixed = Math.imul(digest ^ this.#seed, 0x9e3779b1)
    return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0
  }

  #put(shard: Uint32Array, digest: number, slot: number): void {
    let cell = Math.floor(this.#mix(digest) / INDEX_SHARDS) % shard.length
    while (shard[cell] !== 0) cell = (cell + 1) % shard.length
    shard[cell] = slot + 1
  }

  #grow(n: number, old: Uint32Array): Uint32Array<ArrayBuffer> {
    const shard = new Uint32Array(Math.ceil(old.length * 1.5))
    for (const entry of old) if (entry !== 0) this.#put(shard, this.digest(entry - 1), entry - 1)
    return (this.#shards[n] = shard)
  }
}

/** 32 bits of the digest of the CID at `offset`: its first, or with `from` 8 the next. */
export const digestWord = (bytes: Uint8Array, offset: number, from = 4): number =>
  (((bytes[offset + from] ?? 0) << 24) |
    ((bytes[offset + from + 1] ?? 0) << 16) |
    ((bytes[offset + from + 2] ?? 0) << 8) |
    (bytes[offset + from + 3] ?? 0)) >>>
  0
