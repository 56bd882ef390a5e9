import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { CliError, messageOf } from '../errors.ts'

/** A flag as data: the type of its value and its line in the help follow from it. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  /** The placeholder for the value in the help. */
  readonly hint?: string
  readonly help: string
  /** May be given more than once. */
  readonly multiple?: true
  readonly short?: string
}

export interface Positional {
  readonly name: string
  readonly help: string
  /** May be left out. Only the last ones may. */
  readonly optional?: true
}

/** How an argument is shown: `<dir>`, or `[id]` if it may be left out. */
export const argumentName = ({ name, optional }: Positional): string => (optional ? `[${name}]` : `<${name}>`)

export type Flags = Readonly<Record<string, Flag>>

type Value<F extends Flag> = F extends { type: 'boolean' }
  ? boolean
  : F extends { multiple: true }
    ? string[]
    : string | undefined

export type Values<F extends Flags> = { readonly [Name in keyof F]: Value<F[Name]> }

/** The flags that every command takes. */
export const GLOBAL_FLAGS = {
  dev: { type: 'boolean', help: 'Talk to the local server of `npm run dev`.' },
  host: { type: 'string', hint: 'host', help: 'The server. Default: HOSTNAME of wrangler.toml.' },
  json: { type: 'boolean', help: 'Print the result, or the error, as one JSON object.' },
  yes: { type: 'boolean', short: 'y', help: 'Answer yes to every confirmation.' },
  help: { type: 'boolean', short: 'h', help: 'Print this help.' },
} as const satisfies Flags

export type Globals = Values<typeof GLOBAL_FLAGS>

const firstSentence = (cause: unknown): string =>
  messageOf(cause).split(/[.\n]/)[0] ?? 'the arguments are wrong'

/** Parses the arguments of a command of `pds`, which follow its name. An unknown flag is an error. */
export const parse = <F extends Flags>(
  command: string,
  args: readonly string[],
  flags: F,
  positionals: readonly Positional[],
): { values: Values<F> & Globals; positionals: string[] } =>
  parseArguments(`pds ${command}`, args, { ...flags, ...GLOBAL_FLAGS }, positionals)

/** Parses the arguments of a program or of one of its commands, `name`. An unknown flag is an error. */
export function parseArguments<F extends Flags & { help: Flag }>(
  name: string,
  args: readonly string[],
  flags: F,
  positionals: readonly Positional[],
): { values: Values<F>; positionals: string[] } {
  const next = `run \`${name} --help\``
  const all = Object.entries<Flag>(flags)
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    all.map(([flag, { type, multiple, short }]) => [
      flag,
      { type, ...(multiple ? { multiple } : {}), ...(short ? { short } : {}) },
    ]),
  )
  const parsed = (() => {
    try {
      return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    } catch (cause) {
      throw new CliError('usage', `${name}: ${firstSentence(cause)}`, { next, cause })
    }
  })()
  const values: Record<string, unknown> = { ...parsed.values }
  for (const [flag, { type, multiple }] of all) {
    if (type === 'boolean') values[flag] ??= false
    if (multiple) values[flag] ??= []
    if (values[flag] === '') throw new CliError('usage', `${name}: --${flag} is empty`, { next })
  }
  const needed = positionals.filter(({ optional }) => !optional).length
  const isCountRight = parsed.positionals.length >= needed && parsed.positionals.length <= positionals.length
  if (!values['help'] && !isCountRight) {
    const wanted = positionals.map(argumentName).join(' ') || 'no argument'
    const given =
      parsed.positionals.length > positionals.length
        ? `"${parsed.positionals.at(-1)}" is one too many`
        : 'it is missing'
    throw new CliError('usage', `${name} takes ${wanted}: ${given}`, { next })
  }
  // parseArgs was given exactly these names and types, and the defaults above fill in the rest.
  return { values: values as Values<F>, positionals: parsed.positionals }
}
