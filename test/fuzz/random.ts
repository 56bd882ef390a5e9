import { createHash } from 'node:crypto'

/** Random numbers that a seed determines. Each input of a run has its own, seeded with seed, target and number. */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(...seed: (string | number)[]) {
    const hash = createHash('sha256').update(seed.join('\n')).digest()
    this.#a = hash.readInt32LE(0)
    this.#b = hash.readInt32LE(4)
    this.#c = hash.readInt32LE(8)
    this.#d = hash.readInt32LE(12)
  }

  /** The next 32 bits (the generator is sfc32). */
  #next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    return t >>> 0
  }

  /** A whole number from 0 to `n` - 1. */
  int(n: number): number {
    return this.#next() % Math.max(1, n)
  }

  /** A whole number from 0 to `n` - 1, more often a small one. */
  small(n: number): number {
    return this.int(1 + this.int(1 + this.int(n)))
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.int(list.length)]
    if (found === undefined && list.length === 0) throw new Error('nothing to pick from')
    return found as T // an index below the length
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() & 255)
  }

  text(length: number): string {
    return Array.from({ length }, () => this.pick(LETTERS)).join('')
  }
}

const LETTERS = [
  ...'aaaabcdefgxyz019-_.:/#~%+ "\\\n\t',
  '\0',
  'é',
  '\u2028',
  '😀',
  '\ufeff',
  '\ud800',
  '\udfff',
]
