import type { Cid } from '@atproto/lex-data'

const WORDS = 4
const START = 1024

/**
 * A set of sha-256 CIDs that takes 16 bytes for each, where a Set of strings would take two hundred:
 * a whole repository's blocks fit. It compares 128 bits of the digest, which nobody can make collide.
 */
export class DigestSet {
  #words = new Uint32Array(START * WORDS)
  #slots = START
  size = 0

  /** False if it was there already. */
  add(cid: Cid): boolean {
    if (this.size * 2 >= this.#slots) this.#grow()
    const { digest } = cid.multihash
    const at = this.#find(digest)
    if (at.found) return false
    this.#words.set(at.words, at.index)
    this.size++
    return true
  }

  has(digest: Uint8Array): boolean {
    return this.#find(digest).found
  }

  #find(digest: Uint8Array): { found: boolean; index: number; words: [number, number, number, number] } {
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength)
    // All zero marks an empty slot, so the first word is never zero.
    const words: [number, number, number, number] = [
      view.getUint32(0) || 1,
      view.getUint32(4),
      view.getUint32(8),
      view.getUint32(12),
    ]
    return this.#probe(words)
  }

  #probe(words: [number, number, number, number]) {
    const table = this.#words
    let slot = words[0] & (this.#slots - 1)
    for (;;) {
      const index = slot * WORDS
      if (table[index] === 0) return { found: false, index, words }
      if (
        table[index] === words[0] &&
        table[index + 1] === words[1] &&
        table[index + 2] === words[2] &&
        table[index + 3] === words[3]
      ) {
        return { found: true, index, words }
      }
      slot = (slot + 1) & (this.#slots - 1)
    }
  }

  #grow(): void {
    const old = this.#words
    this.#slots *= 2
    this.#words = new Uint32Array(this.#slots * WORDS)
    for (let i = 0; i < old.length; i += WORDS) {
      const words: [number, number, number, number] = [
        old[i] ?? 0,
        old[i + 1] ?? 0,
        old[i + 2] ?? 0,
        old[i + 3] ?? 0,
      ]
      if (words[0] !== 0) this.#words.set(words, this.#probe(words).index)
    }
  }
}
