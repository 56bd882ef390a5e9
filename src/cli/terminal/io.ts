import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { ReadStream } from 'node:tty'
import type { Terminal } from './output.ts'

export interface Input extends Readable {
  isTTY?: boolean
}

/** Everything that a command takes from its surroundings. It is passed in, so that tests can replace it. */
export interface Io {
  readonly stdin: Input
  readonly stdout: Terminal
  readonly stderr: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's current folder: relative paths start there. */
  readonly cwd: string
  /** Folders that may hold wrangler.toml, the likeliest first. The folders above each of them are searched too. */
  readonly searchFolders: readonly string[]
  readonly fetch: typeof fetch
  now(): number
  random(length: number): Uint8Array
  /**
   * The terminal of the user, to read an answer although standard input is a pipe; undefined if there is none. The
   * caller destroys it.
   */
  openTerminal(): Input | undefined
  /** Aborts when the user interrupts the command. */
  readonly signal: AbortSignal
}

/** The surroundings of this process. `packageFolder` is the folder of the package. */
export const processIo = (packageFolder: string, signal: AbortSignal): Io => {
  const { env } = process
  // `npm run pds` and `pnpm pds` change into the package's folder; the user's folder is the one where they were called.
  const cwd = env['npm_lifecycle_event'] === 'pds' && env['INIT_CWD'] ? env['INIT_CWD'] : process.cwd()
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env,
    cwd,
    searchFolders: [cwd, process.cwd(), packageFolder],
    fetch: (input, init) =>
      fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal }),
    now: () => Date.now(),
    openTerminal() {
      if (!process.stderr.isTTY || process.platform === 'win32') return undefined
      try {
        return new ReadStream(openSync('/dev/tty', 'r'))
      } catch {
        return undefined
      }
    },
    random: (length) => new Uint8Array(randomBytes(length)),
    signal,
  }
}
