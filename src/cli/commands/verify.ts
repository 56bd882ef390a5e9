import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { connect } from '../../client/index.ts'
import { PUBLIC_RELAYS, readRelays } from '../../configValues.ts'
import type { Check } from '../../mover/check.ts'
import { worst } from '../../mover/check.ts'
import { openJournal } from '../../mover/journal.ts'
import { folderStore } from '../../mover/folderStore.ts'
import { checkStatement } from '../../mover/proof/checkStatement.ts'
import { attest, cirrusAttestor } from '../../mover/proof/attest.ts'
import { prove } from '../../mover/proof/prove.ts'
import {
  parseStatement,
  type SignedStatement,
  type Statement,
  StatementError,
} from '../../mover/proof/statement.ts'
import { resolveWho } from '../../mover/resolveWho.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError, messageOf } from '../errors.ts'
import { writeAtomically } from '../files/files.ts'
import { moveFolder, moverDeps, openMoveStore } from '../move/moveContext.ts'
import { directoryOf, isLoopback, parseHost } from '../project/config.ts'
import { getStatus } from '../servers/status.ts'
import { checkLines } from '../terminal/checkLines.ts'

/** Of how many blobs the bytes are hashed, unless all are asked for. Each one is asked for in any case. */
const SAMPLED_BLOBS = 50

const exitOf = (checks: readonly Check[]): number => (worst(checks) === 'fail' ? EXIT.problems : EXIT.ok)

const readStatementFile = async (file: string): Promise<SignedStatement> => {
  try {
    return parseStatement(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const why =
      cause instanceof StatementError || cause instanceof SyntaxError ? cause.message : messageOf(cause)
    throw new CliError('bad-statement', `${file} cannot be checked: ${why}`, { cause })
  }
}

/** Checks a file without asking anyone. */
const checkFile = async ({ io, out }: Context, name: string): Promise<number> => {
  const file = resolve(io.cwd, name)
  const signed = await readStatementFile(file)
  const checks = await checkStatement(signed)
  const { did, at, source, target } = signed.statement
  const ok = worst(checks) !== 'fail'
  const head = `${did}\n${source?.origin ?? 'an unknown server'} → ${target.origin}, found ${at}`
  out.result(
    { ok, file, did, at, checks },
    `${head}\n${checkLines(checks, out.paint)}`,
    ok ? undefined : 'statement-refused',
  )
  return exitOf(checks)
}

/** This Cirrus as the source, with its admin password; undefined where the account is not on a Cirrus of ours. */
const ownSource = async (context: Context, account: string | undefined) => {
  if (account !== undefined || (!context.project && !context.globals.host && !context.globals.dev))
    return undefined
  const client = await context.admin()
  const { did } = await getStatus(client)
  return { did, client, origin: context.address().origin }
}

const relaysOf = ({ project }: Context, given: readonly string[], dev: boolean): string[] =>
  readRelays(given.length > 0 ? given.join(' ') : (project?.vars['RELAYS'] ?? (dev ? '' : PUBLIC_RELAYS)))

const sampleOf = (text: string | undefined, all: boolean): number => {
  if (all) return Infinity
  if (text === undefined) return SAMPLED_BLOBS
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new CliError('usage', `--sample ${text} is not a number of blobs`)
}

/** What the owner agreed to leave behind, as the journal of the move says, if it is on this machine. */
const leftBehind = async (context: Context, target: string, did: string): Promise<string[]> => {
  const { io, project } = context
  if (!existsSync(moveFolder(project?.root ?? io.cwd, target, did))) return []
  const journal = await openJournal(await openMoveStore(context, target, did), io.now)
  return [...journal.state.leftBehind]
}

const summary = ({ records, blobs, target, complete, checks }: Statement): string =>
  [
    complete
      ? checks.some(({ level }) => level === 'warn')
        ? 'Nothing failed; read the lines with !'
        : 'Complete'
      : 'Not complete',
    `${target.records.toLocaleString('en-US')} records on the target${records ? `, ${records.same.toLocaleString('en-US')} of them as on the source` : ''}`,
    `${blobs.present.toLocaleString('en-US')} of ${blobs.referenced.toLocaleString('en-US')} blobs there, ${blobs.hashed.toLocaleString('en-US')} hashed`,
  ].join('. ')

export const verify = command({
  name: 'verify',
  summary: 'Prove that a move is complete, and keep a statement of it; or check such a statement.',
  description:
    'With --to it compares the account on the target with this server: the same tree of records, or what was written\n' +
    'there since; every blob, asked for one by one, some of them hashed; whom the DID names; whether its handle resolves and\n' +
    'relays follow. It changes nothing. What it found is written to a file, signed by this server, with the signed commits of\n' +
    'both sides and the log of the DID in it: --statement checks such a file without any network.\n' +
    'Exit code 3 if something is missing.',
  flags: {
    to: { type: 'string', hint: 'host', help: 'The PDS that the account has moved to.' },
    statement: { type: 'string', hint: 'file', help: 'Check this file instead. Nothing is asked.' },
    identifier: {
      type: 'string',
      hint: 'name',
      help: 'Handle or DID of an account that was not on a Cirrus of yours.',
    },
    out: {
      type: 'string',
      hint: 'file',
      help: 'Where the statement is written. Default: move-statement.json.',
    },
    sample: {
      type: 'string',
      hint: 'n',
      help: `Of how many blobs the bytes are hashed. Default: ${SAMPLED_BLOBS}.`,
    },
    'all-blobs': { type: 'boolean', help: 'Fetch and hash every blob.' },
    relay: {
      type: 'string',
      hint: 'url',
      multiple: true,
      help: 'A relay that should follow. Default: RELAYS.',
    },
  },
  examples: [
    'pds verify --to https://new.example.com',
    'pds verify --to https://new.example.com --all-blobs --out proof.json',
    'pds verify --to https://new.example.com --identifier alice.example.com',
    'pds verify --statement move-statement.json',
  ],
  async run(context, flags) {
    const { io, out, project } = context
    const { to, statement: file, identifier: account } = flags
    if ((to === undefined) === (file === undefined))
      throw new CliError('usage', 'pds verify takes either --to or --statement', {
        next: 'run `pds verify --help`',
      })
    if (file !== undefined) return await checkFile(context, file)
    const origin = parseHost(to ?? '', '--to')
    const source = await ownSource(context, account)
    const server = source
      ? context.address()
      : { plcUrl: directoryOf(io.env, project), dev: isLoopback(origin) }
    const deps = moverDeps(context, { directoryUrl: server.plcUrl, dev: server.dev })
    if (!source && account === undefined)
      throw new CliError('usage', 'pds verify: whose account it is, is not known', {
        next: 'give --identifier, or run it in the folder of your Cirrus',
      })
    const did = source?.did ?? (await resolveWho(account ?? '', origin, deps)).did
    const folder = await mkdtemp(join(tmpdir(), 'pds-verify-'))
    const progress = out.progress('Blobs')
    try {
      const statement = await prove(deps, {
        did,
        source,
        target: { origin, client: connect(origin, { fetch: io.fetch }) },
        relays: relaysOf(context, flags.relay, deps.dev),
        sample: sampleOf(flags.sample, flags['all-blobs']),
        left: await leftBehind(context, origin, did),
        store: await folderStore(folder, io.now),
        onProgress: (what, done, total) => {
          if (what === 'blobs') progress.to(done, total)
        },
      })
      const by = source && cirrusAttestor(source.client)
      const { recorded, problem, ...signed } = await attest(statement, by)
      if (problem !== undefined) out.warn(`this server has not signed or noted the statement: ${problem}`)
      const kept = resolve(io.cwd, flags.out ?? 'move-statement.json')
      await writeAtomically(kept, `${JSON.stringify(signed, null, 2)}\n`)
      const { signature } = signed
      const { checks, complete } = statement
      out.result(
        { ok: complete, file: kept, signed: signature !== undefined, recorded, ...statement },
        `${checkLines(checks, out.paint)}\n${out.paint(complete ? 'green' : 'red', summary(statement))}\nThe statement is in ${kept}${signature === undefined ? '' : ', signed by this server'}.`,
        complete ? undefined : 'copy-incomplete',
      )
      return exitOf(checks)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
})
