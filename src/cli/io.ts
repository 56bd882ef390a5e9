/** Everything that a command takes from its surroundings, passed in, so that tests can be the surroundings. */
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Terminal } from './output.ts'

export interface Input extends Readable {
  isTTY?: boolean
}

export interface Io {
  readonly stdin: Input
  readonly stdout: Terminal
  readonly stderr: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the person stands: relative paths start there. */
  readonly cwd: string
  /** Folders that may hold wrangler.toml, the likeliest first. Above each of them is looked, too. */
  readonly roots: readonly string[]
  readonly fetch: typeof fetch
  now(): number
  random(length: number): Uint8Array
  /** Aborts when the person interrupts. */
  readonly signal: AbortSignal
}

/** The process that we are. */
export const processIo = (home: string, signal: AbortSignal): Io => {
  const { env } = process
  // `npm run pds` and `pnpm pds` change into the package's folder; the person stands where they were called.
  const cwd = env['npm_lifecycle_event'] === 'pds' && env['INIT_CWD'] ? env['INIT_CWD'] : process.cwd()
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env,
    cwd,
    roots: [cwd, process.cwd(), home],
    fetch: (input, init) =>
      fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal }),
    now: () => Date.now(),
    random: (length) => new Uint8Array(randomBytes(length)),
    signal,
  }
}
