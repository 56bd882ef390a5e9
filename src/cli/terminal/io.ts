import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { ReadStream } from 'node:tty'
import type { Terminal } from './output.ts'

export interface Input extends Readable {
  isTTY?: boolean
}

/** A program that was started. Its output goes to stderr. */
export interface Running {
  /** Its exit code; 127 if it could not be started. */
  readonly exited: Promise<number>
  stop(): void
}

export interface StartOptions {
  cwd: string
  env?: Readonly<Record<string, string>>
  /** For what must not be an argument. By default there is no standard input. */
  stdin?: string
}

/** A line that a program printed. */
export interface ReadLine {
  /** Its exit code; undefined if it was ended, because it took too long. */
  readonly code: number | undefined
  /** The first line of its standard output. */
  readonly line: string
}

export interface ReadOptions {
  cwd: string
  /** Besides those of the environment. */
  env: Readonly<Record<string, string>>
  /** Ends the command. */
  signal: AbortSignal
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
  /** For what is ended or let go after an interrupt, which aborts `fetch`: each request within a few seconds. */
  readonly cleanUpFetch: typeof fetch
  now(): number
  random(length: number): Uint8Array
  /**
   * The terminal of the user, to read an answer although standard input is a pipe; undefined if there is none. The
   * caller destroys it.
   */
  openTerminal(): Input | undefined
  /** Starts a program in a folder, with these variables besides those of `env`, and with this as standard input. */
  start(program: string, args: readonly string[], options: StartOptions): Running
  /** Runs a line of the user's in the system's shell, and reads what it prints. Its other output goes to stderr. */
  readFrom(commandLine: string, options: ReadOptions): Promise<ReadLine>
  /** Aborts when the user interrupts the command. */
  readonly signal: AbortSignal
}

/** Starts a real program. */
export const startProgram: Io['start'] = (program, args, { cwd, env = {}, stdin }) => {
  // Standard output is for the result of `pds`.
  const child = spawn(program, [...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 2, 2],
    // npm is a script on Windows.
    shell: process.platform === 'win32' && !program.includes('\\'),
  })
  // A program that ends before it has read everything closes the pipe; its exit code says what went wrong.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(stdin)
  const exited = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127))
    child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 0)))
  })
  return { exited, stop: () => void child.kill('SIGTERM') }
}

/** More than any code or password has. */
const MAX_LINE_BYTES = 16 * 1024

/** Runs a real line of the shell. */
export const readFromCommand: Io['readFrom'] = (commandLine, { cwd, env, signal }) => {
  const options = { cwd, env: { ...process.env, ...env }, signal, shell: true }
  const child = spawn(commandLine, { ...options, stdio: ['ignore', 'pipe', 2] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < MAX_LINE_BYTES) text += chunk
  })
  return new Promise((resolve) => {
    const end = (code: number | undefined): void =>
      resolve({ code, line: (text.split('\n', 1)[0] ?? '').trim() })
    // Of a signal that aborts, too.
    child.on('error', () => end(signal.aborted ? undefined : 127))
    child.on('close', (code) => end(signal.aborted ? undefined : (code ?? 1)))
  })
}

/** How long one request of the clean-up takes at most. */
const CLEAN_UP_MS = 3000

/** The surroundings of this process. `packageFolder` is the folder of the package. */
export const processIo = (packageFolder: string, signal: AbortSignal): Io => {
  const { env } = process
  // `npm run pds` and `pnpm pds` change into the package's folder; the user's folder is the one where they were called.
  const isScript = ['pds', 'test:contract'].includes(env['npm_lifecycle_event'] ?? '')
  const cwd = isScript && env['INIT_CWD'] ? env['INIT_CWD'] : process.cwd()
  const fetchUntil = (end: AbortSignal, ...[input, init]: Parameters<typeof fetch>) =>
    fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, end]) : end })
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env,
    cwd,
    searchFolders: [cwd, process.cwd(), packageFolder],
    fetch: (input, init) => fetchUntil(signal, input, init),
    cleanUpFetch: (input, init) => fetchUntil(AbortSignal.timeout(CLEAN_UP_MS), input, init),
    now: () => Date.now(),
    openTerminal() {
      if (!process.stderr.isTTY || process.platform === 'win32') return undefined
      try {
        return new ReadStream(openSync('/dev/tty', 'r'))
      } catch {
        return undefined
      }
    },
    start: startProgram,
    readFrom: readFromCommand,
    random: (length) => new Uint8Array(randomBytes(length)),
    signal,
  }
}
