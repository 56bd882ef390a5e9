import { join, resolve } from 'node:path'
import type { LexiconDoc } from '@atproto/lexicon'
import { RULES } from '../../contract/areas.ts'
import { ContractError } from '../../contract/contractError.ts'
import { BadLexicons, readLexiconFolder } from '../../contract/lexicon/readLexiconFolder.ts'
import { failingLevels, failures } from '../../contract/report/summarize.ts'
import { jsonReport } from '../../contract/report/jsonReport.ts'
import { runContract } from '../../contract/run.ts'
import type { ContractDeps, Rule } from '../../contract/types.ts'
import { VERSION } from '../../version.ts'
import { EXIT } from '../exit.ts'
import { CliError, messageOf } from '../errors.ts'
import { isLoopback, parseHost, PASSWORD_HOST_VAR } from '../project/config.ts'
import { parseArguments, type Values } from '../terminal/args.ts'
import type { Io } from '../terminal/io.ts'
import { count, createOutput, type Output, type Paint } from '../terminal/output.ts'
import { createPrompts } from '../terminal/prompts.ts'
import { depsOf } from './depsOf.ts'
import { FLAGS, POSITIONALS } from './flags.ts'
import { createAskCode, type MailOptions } from './mailedCodes.ts'
import { helpText } from './helpText.ts'
import { readOnly, readProfiles, readRate } from './selection.ts'
import { showProgress } from './showProgress.ts'
import { textReport } from './textReport.ts'
import { writeReports } from './writeReports.ts'

type Options = Values<typeof FLAGS>

const NAME = 'pds-contract'

/** The password of the account, and what it signs in. */
async function askCredentials(options: Options, origin: string, io: Io) {
  const { identifier, write, 'throw-away': throwAway } = options
  if (throwAway && (!write || identifier !== undefined))
    throw new CliError('usage', `${NAME}: --throw-away goes with --write, and in place of --identifier`)
  if (identifier === undefined) {
    if (!write || throwAway) return undefined
    throw new CliError('usage', `${NAME}: --write needs --identifier, the account that it may write to`, {
      next: `make an account without records on ${new URL(origin).host}, and give its handle; or add --throw-away`,
    })
  }
  const question = `Password of ${identifier} on ${new URL(origin).host}`
  const password =
    io.env['CONTRACT_PASSWORD'] ||
    (await createPrompts(io, false).secret(question, { alternative: 'CONTRACT_PASSWORD in the environment' }))
  return { identifier, password }
}

/** How the codes are had that the server mails; undefined: it sends none. */
function askCodeOf(
  options: Options,
  origin: string,
  io: Io,
  more: Pick<MailOptions, 'signal' | 'beforeAsking' | 'interrupt'>,
) {
  const { mail, 'mail-code-from': command, email, write, 'throw-away': throwAway } = options
  const usage = (message: string, next?: string): CliError =>
    new CliError('usage', `${NAME}: ${message}`, next === undefined ? {} : { next })
  if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email))
    throw usage(`--email "${email}" is not an address`, 'give one such as you@example.com')
  if (email !== undefined && !throwAway)
    throw usage('--email goes with --throw-away', 'leave it out: the server knows the address of the account')
  if (!mail && command === undefined) return undefined
  if (!write) throw usage('--mail goes with --write')
  if (command?.trim() === '') throw usage('--mail-code-from has no command')
  if (throwAway && email === undefined)
    throw usage('--mail with --throw-away needs --email', 'give an address whose mails you read')
  const { host } = new URL(origin)
  return createAskCode(io, { ...more, host, email, command })
}

/** The admin password of the environment, if it is for this server: it must not reach anyone else. */
function adminPasswordFor(origin: string, { house }: Options, env: Io['env']): string | undefined {
  const host = env[PASSWORD_HOST_VAR]
  const isFor = host ? parseHost(host, PASSWORD_HOST_VAR) === origin : isLoopback(origin)
  return house && isFor ? env['ADMIN_PASSWORD'] || undefined : undefined
}

const rulesText = (rules: readonly Rule[], paint: Paint): string =>
  rules
    .map(
      ({ id, level, sentence, source, profiles }) =>
        `${paint('bold', id)} (${level}; ${profiles.join(', ')})\n  ${sentence}\n  ${paint('dim', source)}`,
    )
    .join('\n\n')

/** The documents of this package with their descriptions: only these say what needs a credential. */
async function ownLexicons({ searchFolders }: Io): Promise<readonly LexiconDoc[]> {
  const folder = join(searchFolders.at(-1) ?? '', 'lexicons')
  return readLexiconFolder(folder, []).catch((cause: unknown) => {
    if (!(cause instanceof BadLexicons)) throw cause
    throw new CliError('bad-lexicons', `the documents of this package: ${cause.message}`, { cause })
  })
}

/** The documents of this package, and those of the folder that was given. */
async function readLexicons(folder: string | undefined, io: Io): Promise<readonly LexiconDoc[]> {
  const own = await ownLexicons(io)
  if (folder === undefined) return own
  try {
    const given = await readLexiconFolder(resolve(io.cwd, folder), own)
    const replaced = new Set(given.map(({ id }) => id))
    return [...own.filter(({ id }) => !replaced.has(id)), ...given]
  } catch (cause) {
    if (cause instanceof BadLexicons)
      throw new CliError('bad-lexicons', `--lexicons ${cause.message}`, { cause })
    throw cause
  }
}

async function runWith(
  options: Options,
  url: string,
  io: Io,
  surroundings: ContractDeps,
  out: Output,
): Promise<number> {
  const { house, strict, write } = options
  const origin = parseHost(url, 'the server')
  const lexicons = await readLexicons(options.lexicons, io)
  const levels = failingLevels({ strict, house })
  const profiles = readProfiles(options.profile)
  const perSecond = readRate(options.rate, isLoopback(origin))
  const methods = lexicons
    .filter(({ defs }) => ['query', 'procedure', 'subscription'].includes(defs['main']?.type ?? ''))
    .map(({ id }) => id)
  const selection = readOnly(options.only, methods)
  const plcUrl = options.plc === undefined ? undefined : parseHost(options.plc, '--plc')
  // In a question the terminal sends no interrupt.
  const cancelled = new AbortController()
  const deps = { ...surroundings, signal: AbortSignal.any([surroundings.signal, cancelled.signal]) }
  const mailedCode = askCodeOf(options, origin, io, {
    signal: deps.signal,
    beforeAsking: () => out.note(),
    interrupt: () => cancelled.abort(),
  })
  const credentials = await askCredentials(options, origin, io)
  const adminPassword = adminPasswordFor(origin, options, io.env)
  const progress = showProgress(out, io)
  const report = await runContract({
    url: origin,
    lexicons,
    deps,
    profiles,
    house,
    write,
    accountHasRecords: options['account-has-records'],
    ...selection,
    ...(credentials ? { credentials } : {}),
    ...(options['throw-away']
      ? {
          throwAway: {
            inviteCode: io.env['CONTRACT_INVITE_CODE'] || undefined,
            email: options.email,
            movesIn: plcUrl !== undefined,
          },
        }
      : {}),
    ...(mailedCode ? { mailedCode } : {}),
    ...(adminPassword === undefined ? {} : { adminPassword }),
    ...(options.did === undefined ? {} : { did: options.did }),
    ...(plcUrl === undefined ? {} : { plcUrl }),
    ...(perSecond === undefined ? {} : { perSecond }),
    onFinding: progress.finding,
    onProgress: progress.to,
    onCleanup: (what) => {
      progress.end()
      out.note(`Removing from the server: ${what.join(', ')} …`)
    },
  })
  progress.end()
  await writeReports(report, levels, options, io, out)
  const broken = failures(report.findings, levels).length > 0
  const isIncomplete = report.incomplete.length > 0
  out.result(
    jsonReport(report, levels, VERSION),
    textReport(report, levels, out.paint),
    report.interrupted
      ? 'interrupted'
      : isIncomplete
        ? 'contract-incomplete'
        : broken
          ? 'contract-broken'
          : undefined,
  )
  if (report.interrupted) return EXIT.interrupted
  if (isIncomplete) return EXIT.failed
  return broken ? EXIT.problems : EXIT.ok
}

/** A run that could not begin, as an error that says what to do. */
const toCliError = (cause: unknown, io: Io): CliError => {
  if (io.signal.aborted) return new CliError('interrupted', 'interrupted')
  if (cause instanceof CliError) return cause
  if (cause instanceof ContractError) return new CliError(cause.code, cause.message, { cause })
  return new CliError('internal', messageOf(cause), { cause })
}

/** Runs `pds-contract` with these arguments and returns the exit code. Only tests give timers and sockets of their own. */
export async function contract(
  argv: readonly string[],
  io: Io,
  deps: ContractDeps = depsOf(io),
): Promise<number> {
  const out = createOutput({ ...io, json: argv.includes('--json') })
  try {
    const { values, positionals } = parseArguments(NAME, argv, FLAGS, POSITIONALS)
    if (values.help) {
      out.text(`${helpText(out.paint)}\n`)
      return EXIT.ok
    }
    if (values['list-rules']) {
      const profiles = readProfiles(values.profile)
      const rules = RULES.filter((rule) => rule.profiles.some((profile) => profiles.includes(profile)))
      out.result({ rules }, `${rulesText(rules, out.paint)}\n\n${count(rules.length, 'rule')}`)
      return EXIT.ok
    }
    const url = positionals[0] ?? values.url
    if (url === undefined || (positionals[0] !== undefined && values.url !== undefined))
      throw new CliError(
        'usage',
        `${NAME} takes <url>: ${url === undefined ? 'it is missing' : 'it is there twice'}`,
        {
          next: `run \`${NAME} --help\`; for example \`${NAME} pds.example.com\``,
        },
      )
    return await runWith(values, url, io, deps, out)
  } catch (cause) {
    const error = toCliError(cause, io)
    if (io.env['PDS_DEBUG'] && cause instanceof Error) out.debug(`${cause.stack ?? ''}\n`)
    out.error(error)
    return error.exit
  }
}
