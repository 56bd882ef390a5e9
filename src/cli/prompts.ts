/** Questions to the person, on stderr. Without a terminal there is nobody to ask, and the error says what to do. */
import * as clack from '@clack/prompts'
import { CliError } from './errors.ts'
import type { Io } from './io.ts'

export interface Prompts {
  text(
    message: string,
    options?: { placeholder?: string; initial?: string; check?: Check; flag?: string },
  ): Promise<string>
  secret(message: string, options?: { check?: Check; flag?: string }): Promise<string>
  choose<T extends string>(message: string, options: readonly Choice<T>[], flag: string): Promise<T>
  /** Resolves when the answer is yes, or `--yes` was given; throws otherwise. */
  confirm(message: string): Promise<void>
}

/** A sentence that says what is wrong, or nothing. */
export type Check = (value: string) => string | undefined
export interface Choice<T extends string> {
  value: T
  label: string
  hint?: string
}

export function createPrompts(io: Io, yes: boolean): Prompts {
  const common = { input: io.stdin, output: io.stderr, signal: io.signal }
  const present = (message: string, flag?: string) => {
    if (io.stdin.isTTY) return
    const next = flag ? `give it as ${flag}, or run it in a terminal` : undefined
    throw new CliError('not-a-terminal', `no terminal to ask: ${message}`, next ? { next } : {})
  }
  const answered = <T>(value: T): Exclude<T, symbol> => {
    if (typeof value !== 'symbol') return value as Exclude<T, symbol>
    throw new CliError('not-confirmed', 'cancelled: nothing was changed')
  }
  const validate = (check: Check | undefined) => (value: string | undefined) =>
    value ? check?.(value) : 'An answer is needed.'

  return {
    async text(message, { placeholder, initial, check, flag } = {}) {
      present(message, flag)
      const options = { ...common, message, validate: validate(check) }
      return answered(
        await clack.text({
          ...options,
          ...(placeholder ? { placeholder } : {}),
          ...(initial ? { initialValue: initial } : {}),
        }),
      ).trim()
    },
    async secret(message, { check, flag } = {}) {
      present(message, flag)
      return answered(await clack.password({ ...common, message, validate: validate(check) }))
    },
    async choose(message, options, flag) {
      present(message, flag)
      // A choice of strings always satisfies clack's Option; it cannot see that through the parameter.
      const list = options as readonly Choice<string>[]
      const value = answered(await clack.select({ ...common, message, options: [...list] }))
      const chosen = options.find((option) => option.value === value)
      if (!chosen) throw new CliError('not-confirmed', 'cancelled: nothing was changed')
      return chosen.value
    },
    async confirm(message) {
      if (yes) return
      if (!io.stdin.isTTY)
        throw new CliError('not-confirmed', `not done without a yes: ${message}`, {
          next: 'add --yes, or run it in a terminal',
        })
      if (answered(await clack.confirm({ ...common, message, initialValue: false }))) return
      throw new CliError('not-confirmed', 'answered no: nothing was changed')
    },
  }
}

const MAX_LINE_CHARS = 64 * 1024

/** The first line of standard input, for secrets that must not be arguments. */
export async function firstLine(io: Io): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of io.stdin) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    if (text.includes('\n') || text.length > MAX_LINE_CHARS) break
  }
  return (text.split('\n', 1)[0] ?? '').trim()
}
