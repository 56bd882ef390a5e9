/** Which of the numbered blocks of a CAR are marked: a bit each. */
export class BlockMarks {
  readonly #bits: Uint8Array
  /** How many are marked. */
  size = 0

  /** `blocks`: how many there are. */
  constructor(blocks: number) {
    this.#bits = new Uint8Array(Math.ceil(blocks / 8))
  }

  /** Marks a block. False if it was marked already. */
  add(n: number): boolean {
    return this.#set(n, true)
  }

  /** Takes the mark off a block. False if it had none. */
  delete(n: number): boolean {
    return this.#set(n, false)
  }

  #set(n: number, marked: boolean): boolean {
    const at = n >>> 3
    const bit = 1 << (n & 7)
    const bits = this.#bits[at] ?? 0
    if (((bits & bit) !== 0) === marked) return false
    this.#bits[at] = bits ^ bit
    this.size += marked ? 1 : -1
    return true
  }
}
