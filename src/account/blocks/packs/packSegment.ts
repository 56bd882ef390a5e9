import { bytes } from '../../db/sql.ts'

/** Bytes of a run in the column `made`: the offset of its first section, 4 bytes, and the revision. */
export const RUN_BYTES = 17

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
    let [low, high] = [0, runs.length / RUN_BYTES - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (runs.readUInt32BE(middle * RUN_BYTES) <= start) low = middle
      else high = middle - 1
    }
    return runs.toString('latin1', low * RUN_BYTES + 4, low * RUN_BYTES + RUN_BYTES)
  }
}
