import { argumentName, GLOBAL_FLAGS, type Flag, type Flags } from './args.ts'
import type { Command } from '../command.ts'
import type { Paint } from './output.ts'

const flagName = (name: string, { hint, short }: Flag): string =>
  `${short ? `-${short}, ` : ''}--${name}${hint ? ` <${hint}>` : ''}`

/** Two columns: what may be typed, and what it means. */
export const columns = (rows: readonly (readonly [string, string])[], paint: Paint): string => {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows
    .map(
      ([left, right]) =>
        `  ${paint('cyan', left.padEnd(width))}  ${right.replaceAll('\n', `\n${' '.repeat(width + 4)}`)}`,
    )
    .join('\n')
}

export const flagRows = (flags: Flags) =>
  Object.entries(flags).map(([name, flag]) => [flagName(name, flag), flag.help] as const)

const EXIT_CODES = `Exit codes: 0 done; 1 failed; 2 wrong command line; 3 done, and problems were found;
4 an answer or a confirmation is missing; 5 failed for now, try again later; 130 interrupted.`

/** What `pds --help` prints: the commands, the flags of every command, the exit codes. */
export const overview = (commands: readonly Command[], paint: Paint): string =>
  [
    `${paint('bold', 'pds')}: your Cirrus, from the command line`,
    '',
    `${paint('bold', 'Usage')}  pds <command> [flags]`,
    '',
    columns(
      commands.map(({ name, summary }) => [name, summary] as const),
      paint,
    ),
    '',
    paint('bold', 'Flags of every command'),
    columns(flagRows(GLOBAL_FLAGS), paint),
    '',
    EXIT_CODES,
    'Errors are explained in docs/troubleshoot.md.',
  ].join('\n')

/** What `pds <command> --help` prints. */
export function commandHelp(command: Command, paint: Paint): string {
  const { name, summary, description, positionals = [], flags = {}, examples = [] } = command
  const usage = ['pds', name, ...positionals.map(argumentName), '[flags]'].join(' ')
  const rows = [...positionals.map((it) => [argumentName(it), it.help] as const), ...flagRows(flags)]
  return [
    `${paint('bold', 'Usage')}  ${usage}`,
    '',
    summary,
    ...(description ? ['', description] : []),
    ...(rows.length > 0 ? ['', columns(rows, paint)] : []),
    '',
    paint('bold', 'Flags of every command'),
    columns(flagRows(GLOBAL_FLAGS), paint),
    ...(examples.length > 0 ? ['', paint('bold', 'Examples'), ...examples.map((line) => `  ${line}`)] : []),
  ].join('\n')
}
