import { NoCode, type AskCode, type CodePurpose, type CodeRequest } from '../../contract/codeRequest.ts'
import { CliError } from '../errors.ts'
import type { Io } from '../terminal/io.ts'
import { createPrompts } from '../terminal/prompts.ts'

export interface MailOptions {
  /** Host of the server that sends the mails. */
  readonly host: string
  /** The address that they go to; undefined: that of the account, which only its server knows. */
  readonly email: string | undefined
  /** Prints each code; undefined: the terminal is asked. */
  readonly command: string | undefined
  /** Ends what is asked. Afterwards nobody is asked in the terminal. */
  readonly signal: AbortSignal
  /** Called before a person is asked: the screen is theirs. */
  beforeAsking(): void
  /** Ends the run: the person has cancelled. */
  interrupt(): void
}

/** A mail is there within minutes, and a code is good for about a quarter of an hour. */
const COMMAND_MS = 10 * 60_000
/** After an interrupt the user waits. */
const COMMAND_AT_END_MS = 20_000
const MAX_CODE_CHARS = 4096
const SKIP = 'skip'

const PURPOSES: Record<CodePurpose, string> = {
  'plc-signature': 'for a PLC signature, which is sent nowhere',
  'account-deletion': 'to delete the account that this run has made',
}

const codeProblem = (code: string): string | undefined => {
  if (code === '') return 'it is empty'
  if (code.length > MAX_CODE_CHARS) return `it has more than ${MAX_CODE_CHARS} characters`
  return /^[\x21-\x7e]+$/.test(code) ? undefined : 'a code has no spaces, and no letters beyond ASCII'
}

const noTerminal = (): CliError =>
  new CliError('not-a-terminal', 'there is no terminal to ask for the codes that are mailed', {
    next: 'give a command that prints them as --mail-code-from, run this in a terminal, or leave --mail out',
  })

async function fromCommand(
  io: Io,
  { signal, command = '' }: MailOptions,
  asked: CodeRequest,
): Promise<string> {
  const { purpose, did, handle, since, refused } = asked
  // What the command printed is a secret: no message shows it.
  const wrong = (what: string): NoCode =>
    new NoCode(
      `the command of --mail-code-from, asked for a code ${PURPOSES[purpose]}, ${what}${refused === undefined ? '' : ` (the code that it printed before was refused: ${refused})`}`,
    )
  const ms = signal.aborted ? COMMAND_AT_END_MS : COMMAND_MS
  const late = AbortSignal.timeout(ms)
  const { code, line } = await io.readFrom(command, {
    cwd: io.cwd,
    env: {
      CONTRACT_CODE_FOR: purpose,
      CONTRACT_CODE_DID: did,
      CONTRACT_CODE_HANDLE: handle,
      CONTRACT_CODE_SINCE: since,
    },
    signal: signal.aborted ? late : AbortSignal.any([late, signal]),
  })
  if (code === undefined)
    throw wrong(late.aborted ? `has not ended within ${ms / 1000} s` : 'was interrupted')
  if (code !== 0) throw wrong(`ended with exit code ${code}`)
  if (line === '') throw wrong('printed nothing')
  const problem = codeProblem(line)
  if (problem !== undefined) throw wrong(`printed something that is not a code: ${problem}`)
  return line
}

async function fromTerminal(io: Io, options: MailOptions, asked: CodeRequest): Promise<string> {
  const { host, email, signal, beforeAsking, interrupt } = options
  if (signal.aborted) throw new NoCode('interrupted, so nobody was asked for the code')
  beforeAsking()
  const { purpose, handle, refused } = asked
  const to = email ?? `the address of ${handle}`
  const isSame = refused !== undefined && !refused.includes('ExpiredToken')
  const question = [
    ...(refused === undefined ? [] : [`The server has refused that code: ${refused}.`]),
    ...(isSame
      ? []
      : [`${host} mails ${refused ? 'another code' : 'a code'} to ${to}, ${PURPOSES[purpose]}.`]),
    `The code${isSame ? ' of the newest mail' : ''} (${SKIP}: go on without it)`,
  ].join('\n')
  const check = (text: string): string | undefined => {
    const problem = codeProblem(text.trim())
    return problem && `That is not a code: ${problem}.`
  }
  let answer
  try {
    answer = await createPrompts(io, false).textOfTerminal(question, noTerminal(), check)
  } catch (cause) {
    if (!(cause instanceof CliError) || cause.code !== 'not-confirmed') throw cause
    interrupt()
    throw new NoCode('interrupted when asked for the code')
  }
  if (answer === SKIP) throw new NoCode('skipped: no code was given')
  return answer
}

/** Asks for the code of a mail: by a command, or the person in the terminal. Throws if there is neither. */
export function createAskCode(io: Io, options: MailOptions): AskCode {
  if (options.command !== undefined) return (asked) => fromCommand(io, options, asked)
  if (!io.stdin.isTTY) {
    const terminal = io.openTerminal()
    if (!terminal) throw noTerminal()
    terminal.destroy()
  }
  return (asked) => fromTerminal(io, options, asked)
}
