import { WebSocket as PausableSocket } from 'ws'
import type { ContractDeps } from '../../contract/types.ts'
import type { Io } from '../terminal/io.ts'

/** A server that sends more in one message, or does not answer when a socket is closed, has it cut off. */
const SOCKET_LIMITS = { maxPayload: 16 * 1024 * 1024, closeTimeout: 2_000 }

class Socket extends PausableSocket {
  constructor(url: string) {
    super(url, SOCKET_LIMITS)
  }
}

/** What a run takes from this process. */
export const depsOf = ({ fetch: send, now, random, signal }: Io): ContractDeps => ({
  fetch: (request) => send(request),
  WebSocket: Socket,
  PausableSocket: Socket,
  now,
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  timer: (ms, ring) => {
    const timer = setTimeout(ring, ms)
    return () => clearTimeout(timer)
  },
  random,
  signal,
})
