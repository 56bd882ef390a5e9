import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { randomBytes } from 'node:crypto'
import { readFromCommand, type Io } from '../../src/cli/terminal/io.ts'
import { run } from '../../src/cli/run.ts'

/** What a run of `pds` printed and returned. */
export interface Ran {
  code: number
  stdout: string
  stderr: string
  /** stdout, parsed. */
  json: unknown
}

export interface RunOptions {
  cwd?: string
  env?: Record<string, string>
  /** What is typed, or piped in. */
  stdin?: string
  /** What is typed in the terminal, while stdin is a pipe. */
  terminal?: string
  /** stdin and stderr are a terminal. */
  tty?: boolean
  /** stdout is a terminal. */
  colour?: boolean
  fetch?: typeof fetch
  /** By default the same as `fetch`. */
  cleanUpFetch?: typeof fetch
  /** Takes the place of programs; by default none can be started. */
  start?: Io['start']
  /** By default the shell of this machine. */
  readFrom?: Io['readFrom']
  now?: () => number
  random?: (length: number) => Uint8Array
  signal?: AbortSignal
}

class Screen extends PassThrough {
  isTTY = false
  columns = 100
  rows = 40
  text = ''
  constructor() {
    super()
    this.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk))
  }
}

class Keyboard extends PassThrough {
  isTTY = false
  setRawMode() {
    return this
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const flushed = () => new Promise((resolve) => setImmediate(resolve))

/** Runs `pds` in this process, with a terminal, a folder and a clock of the test, and returns what a user would see. */
export async function pds(
  args: readonly string[],
  options: RunOptions = {},
  program: typeof run = run,
): Promise<Ran> {
  const [stdin, stdout, stderr] = [new Keyboard(), new Screen(), new Screen()]
  const { cwd = tmpdir(), env = {}, tty = false, colour = false } = options
  stdin.isTTY = stderr.isTTY = tty
  stdout.isTTY = colour
  if (tty && options.stdin) void type(stdin, stderr, options.stdin)
  else stdin.end(options.stdin ?? '')
  const openTerminal = () => {
    if (options.terminal === undefined) return undefined
    const keyboard = new Keyboard()
    keyboard.isTTY = true
    void type(keyboard, stderr, options.terminal)
    return keyboard
  }
  const io: Io = {
    openTerminal,
    stdin,
    stdout,
    stderr,
    env,
    cwd,
    searchFolders: [cwd],
    readFrom: options.readFrom ?? readFromCommand,
    start: options.start ?? (() => ({ exited: Promise.resolve(127), stop: () => {} })),
    fetch: options.fetch ?? fetch,
    cleanUpFetch: options.cleanUpFetch ?? options.fetch ?? fetch,
    now: options.now ?? (() => Date.now()),
    random: options.random ?? ((length) => new Uint8Array(randomBytes(length))),
    signal: options.signal ?? new AbortController().signal,
  }
  const code = await program(args, io)
  await flushed()
  return { code, stdout: stdout.text, stderr: stderr.text, json: parse(stdout.text) }
}

/** Types each line when a new question is on the screen. */
async function type(stdin: Keyboard, screen: Screen, lines: string): Promise<void> {
  let seen = 0
  for (const line of lines.split('\n')) {
    while ((screen.text.match(/◆/g)?.length ?? 0) <= seen)
      await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, 20))
    seen = screen.text.match(/◆/g)?.length ?? 0
    stdin.write(`${line}\r`)
  }
}

/** A folder that is deleted after the test. */
export async function folder(): Promise<AsyncDisposable & { path: string; in(name: string): string }> {
  const path = await mkdtemp(join(tmpdir(), 'pds-cli-'))
  return {
    path,
    in: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** A member of an answer, at any depth: `member(json, 'error', 'code')`. */
export const member = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>(
    (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
    value,
  )
