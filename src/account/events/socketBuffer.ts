import type { Platform } from '../../platform.ts'

/** Runtimes before November 2026 do not say how much waits: there, a socket is assumed to send this fast. */
const ASSUMED_BYTES_PER_MS = 64 * 1024

/** Sends through a socket, and knows how many bytes still wait to be taken by the other side, and whether any are taken. */
export class SocketBuffer {
  readonly #socket: WebSocket
  readonly #platform: Pick<Platform, 'now'>
  #sentBytes = 0
  /** Where the runtime does not say how much waits: what was assumed to wait at this time. */
  #assumed: { bytes: number; time: number }
  /** How many bytes had been taken at this time. */
  #mark: { time: number; takenBytes: number }

  constructor(socket: WebSocket, platform: Pick<Platform, 'now'>) {
    this.#socket = socket
    this.#platform = platform
    const time = platform.now()
    this.#assumed = { bytes: 0, time }
    this.#mark = { time, takenBytes: 0 }
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame)
    this.#sentBytes += frame.length
    this.#assume(frame.length)
  }

  /** Bytes that were sent and have not left. */
  waitingBytes(): number {
    // Declared as a number, but older runtimes do not have it.
    const { bufferedAmount }: { bufferedAmount?: number } = this.#socket
    return bufferedAmount ?? this.#assume(0)
  }

  /** Begins to count for `isStuck`. */
  mark(): void {
    this.#mark = { time: this.#platform.now(), takenBytes: this.#sentBytes - this.waitingBytes() }
  }

  /** Whether fewer than `bytes` were taken in the last `ms`. Must be called often. */
  isStuck({ ms, bytes }: { ms: number; bytes: number }): boolean {
    if (this.#sentBytes - this.waitingBytes() - this.#mark.takenBytes >= bytes) this.mark()
    return this.#platform.now() - this.#mark.time >= ms
  }

  /** Adds to what is assumed to wait now, and returns it. */
  #assume(addedBytes: number): number {
    const time = this.#platform.now()
    const left = Math.max(0, this.#assumed.bytes - (time - this.#assumed.time) * ASSUMED_BYTES_PER_MS)
    this.#assumed = { bytes: left + addedBytes, time }
    return this.#assumed.bytes
  }
}
