import type { Platform } from '../../platform.ts'

/** Runtimes before November 2026 do not say how much waits: there, a socket is assumed to send this fast. */
const ASSUMED_BYTES_PER_MS = 64 * 1024

/** What is sent through a socket: how many bytes of it wait to be taken, and whether any are taken at all. */
export class SocketBuffer {
  readonly #socket: WebSocket
  readonly #platform: Pick<Platform, 'now'>
  #sentBytes = 0
  /** What is assumed to wait, and at which time. */
  #assumed: { bytes: number; time: number }
  /** How many bytes were taken, and at which time. */
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

  /** `isStuck` counts from here. */
  mark(): void {
    this.#mark = { time: this.#platform.now(), takenBytes: this.#sentBytes - this.waitingBytes() }
  }

  /** Whether `ms` have passed since the last `bytes` were taken. Must be called often. */
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
