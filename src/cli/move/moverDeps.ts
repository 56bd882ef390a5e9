import { sleep } from '../../client/retry.ts'
import type { MoverDeps } from '../../mover/types.ts'
import type { Io } from '../terminal/io.ts'

/** What the mover takes from its surroundings, as a command has it. */
export const moverDeps = (io: Io, server: { plcUrl: string; dev: boolean }): MoverDeps => ({
  fetch: io.fetch,
  now: io.now,
  random: io.random,
  wait: sleep,
  signal: io.signal,
  directoryUrl: server.plcUrl,
  dev: server.dev,
})
