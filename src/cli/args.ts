/** Flags as data: their types follow from it, and so does the help. Unknown flags are errors. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { CliError } from './errors.ts'

export interface Flag {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help. */
  readonly hint?: string
  readonly help: string
  /** May be given more than once. */
  readonly multiple?: true
  readonly short?: string
}

export interface Positional {
  readonly name: string
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

type Value<F extends Flag> = F extends { type: 'boolean' }
  ? boolean
  : F extends { multiple: true }
    ? string[]
    : string | undefined

export type Values<F extends Flags> = { readonly [Name in keyof F]: Value<F[Name]> }

/** These every command takes. */
export const GLOBAL_FLAGS = {
  dev: { type: 'boolean', help: 'Talk to the local server of `npm run dev`.' },
  host: { type: 'string', hint: 'host', help: 'The server. Otherwise HOSTNAME of wrangler.toml.' },
  json: { type: 'boolean', help: 'Print the result, or the error, as one JSON object.' },
  yes: { type: 'boolean', short: 'y', help: 'Answer yes to what would be asked.' },
  help: { type: 'boolean', short: 'h', help: 'Print this.' },
} as const satisfies Flags

export type Globals = Values<typeof GLOBAL_FLAGS>

const explain = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split(/[.\n]/)[0] ?? 'the arguments are wrong'

/** Parses what stands behind the command's name. */
export function parse<F extends Flags>(
  command: string,
  args: readonly string[],
  flags: F,
  positionals: readonly Positional[],
): { values: Values<F> & Globals; positionals: string[] } {
  const next = `run \`pds ${command} --help\``
  const all: Flags = { ...flags, ...GLOBAL_FLAGS }
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(all).map(([name, { type, multiple, short }]) => [
      name,
      { type, ...(multiple ? { multiple } : {}), ...(short ? { short } : {}) },
    ]),
  )
  const parsed = (() => {
    try {
      return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    } catch (cause) {
      throw new CliError('usage', `pds ${command}: ${explain(cause)}`, { next, cause })
    }
  })()
  const values: Record<string, unknown> = { ...parsed.values }
  for (const [name, { type, multiple }] of Object.entries(all)) {
    if (type === 'boolean') values[name] ??= false
    if (multiple) values[name] ??= []
    if (values[name] === '') throw new CliError('usage', `pds ${command}: --${name} is empty`, { next })
  }
  if (!values['help'] && parsed.positionals.length !== positionals.length) {
    const wanted = positionals.map(({ name }) => `<${name}>`).join(' ') || 'no argument'
    const given =
      parsed.positionals.length > positionals.length
        ? `"${parsed.positionals.at(-1)}" is too much`
        : 'it is missing'
    throw new CliError('usage', `pds ${command} takes ${wanted}: ${given}`, { next })
  }
  // parseArgs was given exactly these names and types; the defaults above fill the rest.
  return { values: values as Values<F> & Globals, positionals: parsed.positionals }
}
