import { bytes } from '../db/sql.ts'

/** A run in a part's `made`: where it begins, 4 bytes, and the revision. */
export const RUN = 17

/** Sections of a pack in a row. */
export class PackSegment {
  readonly n: number
  readonly bytes: Uint8Array
  readonly #made: Buffer

  constructor(n: number, section: ArrayBuffer, made: ArrayBuffer) {
    this.n = n
    this.bytes = bytes(section)
    this.#made = Buffer.from(made)
  }

  /** The revision with which the block of the section at this place came. */
  madeAt(place: number): string {
    const made = this.#made
    let [low, high] = [0, made.length / RUN - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (made.readUInt32BE(middle * RUN) <= place) low = middle
      else high = middle - 1
    }
    return made.toString('latin1', low * RUN + 4, low * RUN + RUN)
  }
}
