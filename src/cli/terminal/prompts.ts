import * as clack from '@clack/prompts'
import { cleanText } from './cleanText.ts'
import { CliError } from '../errors.ts'
import type { Input, Io } from './io.ts'

/**
 * Questions to the user, on stderr. `alternative` says how else the answer can be given: by a flag or a variable.
 * Without a terminal nobody can answer, and the error says what to do instead.
 */
export interface Prompts {
  text(
    message: string,
    options?: { placeholder?: string; initial?: string; check?: Check; alternative?: string },
  ): Promise<string>
  secret(message: string, options?: { check?: Check; alternative?: string }): Promise<string>
  /** The same as `text`, if standard input may carry something else: it reads the terminal. Throws `unasked` if there is none. */
  textOfTerminal(message: string, unasked: CliError, check?: Check): Promise<string>
  /** The same as `secret`, likewise. */
  secretOfTerminal(message: string, unasked: CliError): Promise<string>
  choose<T extends string>(message: string, options: readonly Choice<T>[], alternative: string): Promise<T>
  /** Resolves if the answer is yes or `--yes` was given; throws `not-confirmed` otherwise. */
  confirm(message: string): Promise<void>
  /**
   * The same for what `--yes` does not cover, because nobody could know of it beforehand. It reads the terminal even if
   * standard input is a pipe, and throws `unasked` if there is none.
   */
  insist(message: string, unasked: CliError): Promise<void>
}

/** Somebody was asked, and has said no. */
export class SaidNo extends CliError {
  constructor() {
    super('not-confirmed', 'the answer was no')
  }
}

/** Returns a sentence that says what is wrong with an answer; undefined if it is accepted. */
export type Check = (value: string) => string | undefined
export interface Choice<T extends string> {
  value: T
  label: string
  hint?: string
}

export function createPrompts(io: Io, yes: boolean): Prompts {
  const common = { input: io.stdin, output: io.stderr, signal: io.signal }
  const needTerminal = (message: string, alternative?: string) => {
    if (io.stdin.isTTY) return
    const next = alternative ? `give it as ${alternative}, or run the command in a terminal` : undefined
    throw new CliError('not-a-terminal', `there is no terminal to ask: ${message}`, next ? { next } : {})
  }
  const notCancelled = <T>(value: T): Exclude<T, symbol> => {
    if (typeof value !== 'symbol') return value as Exclude<T, symbol>
    throw new CliError('not-confirmed', 'cancelled')
  }
  // clack writes to the terminal by itself, so what it shows is cleaned here.
  const validate = (check: Check | undefined) => (value: string | undefined) => {
    const wrong = value ? check?.(value) : 'Please give an answer.'
    return wrong === undefined ? undefined : cleanText(wrong)
  }

  const shown = ({ value, label, hint }: Choice<string>): Choice<string> => ({
    value,
    label: cleanText(label),
    ...(hint === undefined ? {} : { hint: cleanText(hint) }),
  })
  const onTerminal = async <T>(unasked: CliError, ask: (input: Input) => Promise<T>): Promise<T> => {
    if (io.stdin.isTTY) return await ask(io.stdin)
    const terminal = io.openTerminal()
    if (!terminal) throw unasked
    try {
      return await ask(terminal)
    } finally {
      terminal.destroy()
    }
  }
  const ask = async (message: string, input = io.stdin): Promise<void> => {
    if (
      notCancelled(
        await clack.confirm({ ...common, input, message: cleanText(message), initialValue: false }),
      )
    )
      return
    throw new SaidNo()
  }

  return {
    async text(message, { placeholder, initial, check, alternative } = {}) {
      needTerminal(message, alternative)
      const options = { ...common, message: cleanText(message), validate: validate(check) }
      return notCancelled(
        await clack.text({
          ...options,
          ...(placeholder ? { placeholder: cleanText(placeholder) } : {}),
          ...(initial ? { initialValue: cleanText(initial) } : {}),
        }),
      ).trim()
    },
    async secret(message, { check, alternative } = {}) {
      needTerminal(message, alternative)
      return notCancelled(
        await clack.password({ ...common, message: cleanText(message), validate: validate(check) }),
      )
    },
    textOfTerminal: (message, unasked, check) =>
      onTerminal(unasked, async (input) =>
        notCancelled(
          await clack.text({ ...common, input, message: cleanText(message), validate: validate(check) }),
        ).trim(),
      ),
    secretOfTerminal: (message, unasked) =>
      onTerminal(unasked, async (input) =>
        notCancelled(
          await clack.password({
            ...common,
            input,
            message: cleanText(message),
            validate: validate(undefined),
          }),
        ),
      ),
    async choose(message, options, alternative) {
      needTerminal(message, alternative)
      // A choice of strings always satisfies clack's Option, but the compiler cannot see that through `T`.
      const list = options as readonly Choice<string>[]
      const value = notCancelled(
        await clack.select({ ...common, message: cleanText(message), options: list.map(shown) }),
      )
      const chosen = options.find((option) => option.value === value)
      if (!chosen) throw new CliError('not-confirmed', 'cancelled')
      return chosen.value
    },
    async confirm(message) {
      if (yes) return
      if (!io.stdin.isTTY)
        throw new CliError('not-confirmed', `not done without a confirmation: ${message}`, {
          next: 'add --yes, or run the command in a terminal',
        })
      await ask(message)
    },
    async insist(message, unasked) {
      await onTerminal(unasked, (input) => ask(message, input))
    },
  }
}

const MAX_LINE_CHARS = 64 * 1024

/** Reads the first line of standard input, at most about 64 KiB: for secrets, which must not be arguments. */
export async function firstInputLine(io: Io): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of io.stdin) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    if (text.includes('\n') || text.length > MAX_LINE_CHARS) break
  }
  return (text.split('\n', 1)[0] ?? '').trim()
}
