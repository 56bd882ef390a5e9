import { bytes } from '../../db/sql.ts'

/**
 * Bytes of a run in the column `made`: the offset of its first section, 4 bytes, and the revision. A run is the
 * consecutive blocks of a segment that were added with one revision.
 */
export const REV_RUN_BYTES = 17

/** A row of a pack: consecutive sections, and the revision with which each block was added. */
export class PackSegment {
  readonly n: number
  readonly bytes: Uint8Array
  readonly #runs: Buffer

  constructor(n: number, sections: ArrayBuffer, runs: ArrayBuffer) {
    this.n = n
    this.bytes = bytes(sections)
    this.#runs = Buffer.from(runs)
  }

  /** The revision with which the block was added whose section begins at `start`. */
  addedIn(start: number): string {
    const runs = this.#runs
    let [low, high] = [0, runs.length / REV_RUN_BYTES - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (runs.readUInt32BE(middle * REV_RUN_BYTES) <= start) low = middle
      else high = middle - 1
    }
    return runs.toString('latin1', low * REV_RUN_BYTES + 4, low * REV_RUN_BYTES + REV_RUN_BYTES)
  }
}
