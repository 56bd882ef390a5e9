import type { Platform } from '../../platform.ts'

/** Runtimes before November 2026 do not say what waits: there, a socket is taken to drain this fast. */
const ASSUMED_BYTES_PER_MS = 64 * 1024

/** What goes out through a socket, how much of it waits to be taken, and whether anything is taken at all. */
export class SocketBuffer {
  readonly #socket: WebSocket
  readonly #platform: Pick<Platform, 'now'>
  #sent = 0
  #assumed = 0
  #at: number
  #mark: { at: number; taken: number }

  constructor(socket: WebSocket, platform: Pick<Platform, 'now'>) {
    this.#socket = socket
    this.#platform = platform
    this.#at = platform.now()
    this.#mark = { at: this.#at, taken: 0 }
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame)
    this.#sent += frame.length
    this.#assumed = this.#drained() + frame.length
  }

  /** Bytes that were sent and have not left. */
  waiting(): number {
    // Declared as a number, but older runtimes do not have it.
    const { bufferedAmount }: { bufferedAmount?: number } = this.#socket
    return bufferedAmount ?? (this.#assumed = this.#drained())
  }

  /** From here on it is watched what is taken. */
  mark(): void {
    this.#mark = { at: this.#platform.now(), taken: this.#sent - this.waiting() }
  }

  /** Whether `ms` have passed since the last `bytes` were taken. To be asked often. */
  isStuck({ ms, bytes }: { ms: number; bytes: number }): boolean {
    if (this.#sent - this.waiting() - this.#mark.taken >= bytes) this.mark()
    return this.#platform.now() - this.#mark.at >= ms
  }

  #drained(): number {
    const now = this.#platform.now()
    const drained = Math.max(0, this.#assumed - (now - this.#at) * ASSUMED_BYTES_PER_MS)
    this.#at = now
    return drained
  }
}
