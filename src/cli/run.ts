import { connect } from '../client/index.ts'
import { MoverError } from '../mover/moverError.ts'
import { parse, type Globals } from './terminal/args.ts'
import { createPrompts } from './terminal/prompts.ts'
import type { Command, Context } from './command.ts'
import { commands, RENAMED } from './commands/index.ts'
import {
  adminPassword,
  findProject,
  locateServer,
  PASSWORD_HOST_VAR,
  type Project,
  type ServerAddress,
} from './project/config.ts'
import { EXIT } from './exit.ts'
import { CliError, messageOf } from './errors.ts'
import { commandHelp, overview } from './terminal/help.ts'
import type { Io } from './terminal/io.ts'
import { createOutput, type Output } from './terminal/output.ts'

/** Levenshtein distance, to find the command that the user may have meant. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++)
    row = row.reduce<number[]>((next, above, j) => {
      if (j === 0) return [i]
      const [left = 0, corner = 0] = [next[j - 1], row[j - 1]]
      return [...next, Math.min(above + 1, left + 1, corner + (a[i - 1] === b[j - 1] ? 0 : 1))]
    }, [])
  return row.at(-1) ?? 0
}

const findCommand = (name: string): Command => {
  const found = commands.find((command) => command.name === name)
  if (found) return found
  const renamed = RENAMED[name]
  if (renamed)
    throw new CliError('usage', `pds ${name} is \`pds ${renamed}\` now`, {
      next: `run \`pds ${renamed} --help\``,
    })
  const near = commands.map((command) => command.name).find((known) => distance(known, name) <= 2)
  throw new CliError('usage', `there is no command "${name}"`, {
    next: near ? `did you mean \`pds ${near}\`?` : 'run `pds --help`',
  })
}

function createContext(
  io: Io,
  out: Output,
  globals: Globals,
  project: Project | undefined,
  command: Command,
): Context {
  const prompts = createPrompts(io, globals.yes)
  const address = () => locateServer(project, globals, 'identifier' in (command.flags ?? {}), io.env)
  const knownPassword = (server: ServerAddress) => adminPassword(project, server, io.env)
  const asAdmin = (server: ServerAddress, password: string) =>
    connect(server.origin, { admin: { password }, fetch: io.fetch })
  return {
    io,
    out,
    prompts,
    globals,
    project,
    address,
    anyone: () => connect(address().origin, { fetch: io.fetch }),
    async admin() {
      const server = address()
      const { host } = new URL(server.origin)
      const password =
        knownPassword(server) ??
        (io.stdin.isTTY ? await prompts.secret(`Admin password of ${host}`) : undefined)
      if (!password)
        throw new CliError('no-admin-password', `the admin password of ${host} is not known`, {
          ...(server.isProjectServer
            ? {}
            : {
                next: `set ADMIN_PASSWORD and ${PASSWORD_HOST_VAR}=${host} in the environment: without the second, passwords are for HOSTNAME of wrangler.toml only`,
              }),
        })
      return asAdmin(server, password)
    },
    adminIfKnown() {
      const server = address()
      const password = knownPassword(server)
      return password ? asAdmin(server, password) : undefined
    },
  }
}

const moverError = (cause: MoverError): CliError => {
  const { code, message, next, docs, server } = cause
  return new CliError(code, message, { cause, next, docs, ...(server === undefined ? {} : { server }) })
}

/** Any failure as a CliError. After an interrupt, the interrupt is the failure. */
const toCliError = (cause: unknown, io: Io, out: Output): CliError => {
  if (io.signal.aborted) return new CliError('interrupted', 'interrupted')
  if (cause instanceof CliError) return cause
  if (cause instanceof MoverError) return moverError(cause)
  if (io.env['PDS_DEBUG'] && cause instanceof Error) out.debug(`${cause.stack ?? ''}\n`)
  return new CliError('internal', messageOf(cause), { cause })
}

/** Runs `pds` with these arguments and returns the exit code. Every failure becomes a message that says what to do. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.includes('--json')
  const out = createOutput({ ...io, json })
  const { paint } = out
  try {
    const [name, ...rest] = argv
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      const about = rest.find((word) => !word.startsWith('-'))
      out.text(
        `${about && name === 'help' ? commandHelp(findCommand(about), paint) : overview(commands, paint)}\n`,
      )
      return name === undefined ? EXIT.usage : EXIT.ok
    }
    const command = findCommand(name)
    const { values, positionals } = parse(name, rest, command.flags ?? {}, command.positionals ?? [])
    if (values.help) {
      out.text(`${commandHelp(command, paint)}\n`)
      return EXIT.ok
    }
    const context = createContext(io, out, values, await findProject(io), command)
    return (await command.run(context, values, positionals)) ?? EXIT.ok
  } catch (cause) {
    const error = toCliError(cause, io, out)
    if (error.code === 'host-unreachable' && argv.includes('--dev')) {
      const dev = new CliError('dev-not-running', error.message, { cause })
      out.error(dev)
      return dev.exit
    }
    out.error(error)
    return error.exit
  }
}
