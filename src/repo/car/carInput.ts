import type { Chunks } from '../../streams/chunks.ts'
import { CarError } from './carError.ts'

const BUFFER_BYTES = 256 * 1024

export interface Varint {
  value: number
  /** Of the varint itself, in bytes. */
  length: number
}

/** What has been read of the CAR and not yet parsed, in a buffer that grows only to a length that was checked. */
export class CarInput {
  private readonly source: Chunks
  private readonly total: number
  private readonly paddedLengths: boolean
  private buffer = new Uint8Array(BUFFER_BYTES)
  private start = 0
  private end = 0
  private chunk: Uint8Array = new Uint8Array(0)
  private seen = 0
  private ended = false

  constructor(source: Chunks, total: number, paddedLengths: boolean) {
    this.source = source
    this.total = total
    this.paddedLengths = paddedLengths
  }

  get available(): number {
    return this.end - this.start
  }

  /** The varint after `skip` bytes and the number of its bytes; undefined when it is not complete yet. */
  varint(skip = 0): Varint | undefined {
    let value = 0
    for (let i = 0; skip + i < this.available; i++) {
      const byte = this.buffer[this.start + skip + i] ?? 0
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) {
        if (byte === 0 && i > 0 && !this.paddedLengths)
          throw new CarError('BadVarint', 'a length in more bytes than it needs')
        return { value, length: i + 1 }
      }
      if (i === 6) throw new CarError('BadVarint', 'a length of more than 49 bits')
    }
    return undefined
  }

  /** Bytes that are known to be available, valid until more are read. */
  peek(skip: number, length: number): Uint8Array {
    const from = this.start + skip
    return this.buffer.subarray(from, from + length)
  }

  /** Goes on by this many bytes. */
  advance(length: number): void {
    this.start += length
  }

  /** Reads until the buffer is full and holds at least `least` bytes. False where the input ends before that. */
  async fill(least: number): Promise<boolean> {
    if (this.start > 0) {
      this.buffer.copyWithin(0, this.start, this.end)
      this.end -= this.start
      this.start = 0
    }
    if (least > this.buffer.length) {
      const larger = new Uint8Array(least)
      larger.set(this.buffer.subarray(0, this.end))
      this.buffer = larger
    }
    while (this.end < this.buffer.length && !this.ended) {
      if (this.chunk.length === 0) {
        const next = await this.source.next()
        if (!next) {
          this.ended = true
          break
        }
        this.chunk = next
        this.seen += this.chunk.length
        if (this.seen > this.total) throw new CarError('TooLarge', `a CAR of more than ${this.total} bytes`)
      }
      const fitting = this.chunk.subarray(0, this.buffer.length - this.end)
      this.buffer.set(fitting, this.end)
      this.end += fitting.length
      this.chunk = this.chunk.subarray(fitting.length)
    }
    return this.available >= least
  }
}
