import type { Client } from '../../client/index.ts'
import type { Scope } from '../../crypto/migrationToken.ts'
import { answer } from '../answers.ts'
import { command, type Context } from '../command.ts'
import { parseHost } from '../config.ts'
import { CliError, EXIT } from '../errors.ts'
import { createAccount, type Here, ownSession } from '../import/account.ts'
import { folderOf } from '../import/backup.ts'
import { copyBlobs, copyPreferences, fetchRepo, isSameTree, ourTree, sendRepo } from '../import/copy.ts'
import { keeper } from '../import/kept.ts'
import { didWebAdvice, rotate } from '../import/rotate.ts'
import { restore } from '../import/restore.ts'
import { passwordSource, type Source, tokenSource } from '../import/source.ts'
import { count, plain } from '../output.ts'
import { type Status, stateOf } from './status.ts'

interface Move {
  context: Context
  admin: Client
  here: Here
  source: Source
}

const tell = ({ context }: Move, step: string, what: string): void =>
  context.out.note(`${context.out.paint('green', '✓')} ${step.padEnd(12)} ${what}`)

/** What a token must allow, for what is still to do. */
const needs = (status: Status, rotated: boolean): Scope[] => [
  ...(stateOf(status) === 'absent' ? (['account:create'] as const) : []),
  ...(rotated ? [] : (['repo:read', 'preferences:read'] as const)),
  'blob:read',
  ...(rotated || !status.did.startsWith('did:plc:') ? [] : (['plc:sign'] as const)),
]

const isRotated = async (admin: Client, status: Status): Promise<boolean> => {
  const { identity, did } = status
  if (stateOf(status) === 'absent') {
    if (identity.movedAway) return false
    throw new CliError(
      'account-absent',
      `${did} names this server already, and there is no account here yet`,
      {
        next: 'run `pds activate` for a new and empty one, `pds import --from <folder>` for one that you have a backup of',
      },
    )
  }
  const { verificationMethods = {} } = await answer(admin.com.atproto.identity.getRecommendedDidCredentials())
  const ours: unknown = Object.entries(verificationMethods).find(([id]) => id === 'atproto')?.[1]
  return !identity.movedAway && identity.signingKey === ours
}

/** An account that went away and comes back is still active here, and must take no writes meanwhile. */
const standAside = async ({ ask }: Context, admin: Client, status: Status): Promise<void> => {
  if (stateOf(status) !== 'moved') return
  await ask.confirm(
    `${plain(status.handle)} is still active here, though its DID names another PDS. Deactivate it here first?`,
  )
  await answer(admin.com.atproto.server.deactivateAccount({}))
}

const owner = async (move: Move, status: Status): Promise<Client> => {
  const { context, here, source } = move
  if (stateOf(status) !== 'absent') {
    const client = await ownSession(context, here)
    tell(move, 'Account', 'is here already')
    return client
  }
  const client = await createAccount(context, here, await source.createToken(here.serviceDid))
  tell(move, 'Account', `${here.handle} created, deactivated for now`)
  return client
}

const copyEverything = async (move: Move, client: Client, status: Status, rotated: boolean) => {
  const { context, here, source, admin } = move
  let facts
  if (!rotated) {
    const { signingKey } = status.identity
    if (!signingKey)
      throw new CliError('did-not-found', `the DID document of ${here.did} names no signing key`)
    facts = await fetchRepo(context, source, here, signingKey)
    const sent = await sendRepo(client, admin, here.keep.carFile, facts)
    tell(
      move,
      'Repository',
      `${count(facts.records, 'record')}, rev ${facts.rev}${sent ? '' : ' (was here already)'}`,
    )
  }
  const blobs = await copyBlobs(context, source, client, here)
  tell(
    move,
    'Blobs',
    `${count(blobs.copied, 'blob')} copied${blobs.lost.length ? `, ${blobs.lost.length} missing` : ''}`,
  )
  if (blobs.lost.length > 0) {
    context.out.warn(
      `the source does not have ${count(blobs.lost.length, 'blob')}: ${blobs.lost.slice(0, 5).join(', ')}${blobs.lost.length > 5 ? ' …' : ''}`,
      'copy-incomplete',
    )
    if (!rotated) await context.ask.confirm('Go on without them?')
  }
  if (!rotated) {
    const preferences = await copyPreferences(source, client)
    tell(
      move,
      'Preferences',
      preferences === undefined ? 'the source has none' : count(preferences, 'preference'),
    )
  }
  return { facts, lost: blobs.lost }
}

const verifyCopy = async (
  move: Move,
  facts: { data: string; collections: Record<string, number> },
): Promise<void> => {
  if (!isSameTree(await ourTree(move.admin), facts))
    throw new CliError(
      'copy-incomplete',
      'the repository here is not the one that the source has; the DID was not touched',
    )
  tell(move, 'Verified', 'same tree, same records in each collection')
}

const turnDid = async (move: Move, client: Client): Promise<void> => {
  const { context, admin, here } = move
  if (!here.did.startsWith('did:plc:'))
    throw new CliError(
      'did-elsewhere',
      `everything is copied; ${here.did} still names ${move.source.origin}`,
      {
        next: await didWebAdvice(admin),
      },
    )
  const changes = await rotate(context, { ...move, owner: client })
  tell(move, 'Identity', 'the DID names this server')
  for (const line of changes) context.out.note(`    ${line}`)
}

/** Gives whether the source is out of service now. */
const closeSource = async (move: Move): Promise<boolean> => {
  const { context, source } = move
  const { deactivate } = source
  if (!deactivate) return false
  try {
    await context.ask.confirm(`Deactivate the account on ${source.origin}?`)
    await deactivate()
    tell(move, 'Source', 'deactivated')
    return true
  } catch (cause) {
    if (!(cause instanceof CliError)) throw cause
    context.out.warn(`the account on ${source.origin} was not deactivated: ${cause.message}`)
    return false
  }
}

export const importCommand = command({
  name: 'import',
  summary: 'Move an account in from another PDS, or restore it from a backup.',
  description:
    'From a Cirrus: give the token of `pds migrate-token --target <this server>` on standard input, or when asked.\n' +
    'From any other PDS: --identifier, then the account password and the code that the PDS sends by e-mail.\n' +
    'From a folder that `pds export` wrote: into a new server with the same keys, or over an account that is deactivated.\n' +
    'A new server needs SIGNING_KEY (.dev.vars, the key file, or the environment), a deactivated account its password.\n' +
    'May be run again after any interruption: what is done is not repeated, and only what is missing is copied.',
  flags: {
    from: {
      type: 'string',
      hint: 'host|folder',
      help: 'The PDS that the account is on, or the folder of a backup (./backup).',
    },
    identifier: {
      type: 'string',
      hint: 'handle',
      help: 'Sign in there with this handle or DID and a password, instead of a token.',
    },
  },
  examples: [
    'pds import --from old.example.com',
    'ssh old pds migrate-token --target https://new.example.com | pds import --from old.example.com --yes',
    'pds import --from pds.example.org --identifier alice.example.org',
    'pds import --from ./backup',
  ],
  async run(context, flags) {
    const { out, io, where } = context
    if (!flags.from)
      throw new CliError('usage', 'pds import: --from <host or folder> is missing', {
        next: 'run `pds import --help`',
      })
    const folder = folderOf(io.cwd, flags.from)
    if (folder !== undefined) {
      if (flags.identifier)
        throw new CliError('usage', `--identifier is for a PDS, and ${flags.from} is a folder`)
      return await restore(context, folder)
    }
    const { origin } = where()
    if (parseHost(flags.from, '--from') === origin)
      throw new CliError('target-is-self', `--from ${flags.from} is this server`, {
        next: 'name the PDS that the account is on',
      })
    const admin = await context.admin()
    const status = await answer(admin.com.cirrus.admin.getStatus())
    if (status.identity.error) throw new CliError('directory-unavailable', plain(status.identity.error))
    const { did: serviceDid } = await answer(context.anyone().com.atproto.server.describeServer())
    const keep = keeper(context.project?.root ?? io.cwd, status.did)
    const here: Here = { did: status.did, handle: status.handle, origin, serviceDid, keep }
    const rotated = await isRotated(admin, status)
    if (rotated && stateOf(status) === 'active' && status.blobs.stored >= status.blobs.expected) {
      out.result(
        { ok: true, did: here.did, already: true },
        `${plain(here.handle)} is here already, active and complete.`,
      )
      return EXIT.ok
    }
    // Before a token runs out: without a terminal nobody can say yes to the PLC step.
    if (!rotated && !io.stdin.isTTY) await context.ask.confirm(`Move ${plain(here.handle)} to ${origin}?`)
    const source = flags.identifier
      ? await passwordSource(context, flags.from, here, flags.identifier)
      : await tokenSource(context, flags.from, here, needs(status, rotated))
    const move: Move = { context, admin, here, source }
    await standAside(context, admin, status)
    const client = await owner(move, status)
    const { facts, lost } = await copyEverything(move, client, status, rotated)
    if (facts) {
      await verifyCopy(move, facts)
      // Whoever wrote to the source meanwhile would lose it: once more, until nothing is new.
      const again = await fetchRepo(context, source, here, status.identity.signingKey ?? '')
      if (again.root !== facts.root)
        throw new CliError(
          'copy-incomplete',
          'the account was written to on the source during the copy; the DID was not touched',
          {
            next: 'stop writing there, then run the same command again',
          },
        )
      await turnDid(move, client)
    }
    await answer(admin.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
    tell(move, 'Active', origin)
    const closed = facts ? await closeSource(move) : false
    await keep.clear()
    const end = await answer(admin.com.cirrus.admin.getStatus())
    const next = closed
      ? plain(end.next)
      : `deactivate the account on ${source.origin} (a Cirrus: \`pds deactivate\` there)`
    out.result(
      { ok: lost.length === 0, did: here.did, from: source.origin, lost, sourceDeactivated: closed, next },
      `${plain(here.handle)} lives on ${origin} now.\nNext: ${next}`,
    )
    return lost.length === 0 ? EXIT.ok : EXIT.amiss
  },
})
