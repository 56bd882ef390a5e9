import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { connect } from '../../client/index.ts'
import { type Check, fail, worst } from '../../mover/check.ts'
import { folderStore } from '../../mover/folderStore.ts'
import { MoverError } from '../../mover/moverError.ts'
import { describeServer } from '../../mover/peers/describeServer.ts'
import { sessionSource } from '../../mover/peers/passwordSource.ts'
import { signIn } from '../../mover/peers/session.ts'
import { openStandardTarget } from '../../mover/peers/standardTarget.ts'
import { preflight, type PreflightSource } from '../../mover/preflight/preflight.ts'
import { moverFailure } from '../../mover/refusal.ts'
import { resolveWho } from '../../mover/resolveWho.ts'
import type { MoverDeps } from '../../mover/moverDeps.ts'
import type { Owner } from '../../mover/owner.ts'
import type { Who } from '../../mover/who.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { moverDeps } from '../move/moveContext.ts'
import { createOwner } from '../move/owner.ts'
import { ownerKeysOf, RECOVERY_KEY_FLAG } from '../move/ownerKeys.ts'
import { checkUndoOp } from '../recovery/checkUndoOp.ts'
import { directoryOf, isLoopback, parseHost } from '../project/config.ts'
import { didWeb } from '../servers/didWeb.ts'
import { getStatus } from '../servers/status.ts'
import { checkLines } from '../terminal/checkLines.ts'
import { count } from '../terminal/output.ts'

/** What could be opened; otherwise the check that says why not. */
type Opened<T> = { value: T } | { check: Check }

/** What a move would stop with is a check that failed. */
const orCheck = async <T>(id: string, work: () => Promise<T>): Promise<Opened<T>> => {
  try {
    return { value: await work() }
  } catch (cause) {
    if (!(cause instanceof MoverError)) throw cause
    return { check: fail(id, cause.message, cause.next) }
  }
}

const domainsOf = async (origin: string, deps: MoverDeps) => {
  const described = await orCheck('source', () => describeServer(origin, deps))
  return 'value' in described ? described.value.availableUserDomains : undefined
}

/** This Cirrus, with its admin password. */
const ownSource = async (context: Context, deps: MoverDeps): Promise<PreflightSource> => {
  const client = await context.admin()
  return {
    origin: client.origin,
    client,
    answersOwner: true,
    domains: await domainsOf(client.origin, deps),
  }
}

interface Foreign {
  who: Who
  origin: string
  identifier: string
  password: string | undefined
  owner: Owner
  deps: MoverDeps
}

/**
 * Signs in as a move does, and asks for the token that a move begins with, which is used for nothing: a server gives it to
 * the account password only. Not every token says that an app password opened its session.
 */
const openAsOwner = async ({ who, origin, identifier, owner, deps }: Foreign, password: string) => {
  const client = await signIn({ origin, identifier, password }, { owner, deps }).catch((cause: unknown) => {
    // Servers name a wrong password in different ways.
    throw moverFailure(cause, 'source', { '*': 'source-sign-in' })
  })
  const source = await sessionSource(client, who, deps)
  try {
    await source.accountToken(didWeb(new URL(origin).host))
    return source
  } catch (cause) {
    await source.end()
    if (!(cause instanceof MoverError) || !cause.server || cause.kind === 'retry') throw cause
    throw new MoverError(
      'app-password',
      `${origin} does not let this session move the account, as with an app password: ${cause.message}`,
      { cause },
    )
  }
}

/** Any PDS: as everybody sees it, and with the owner's password as its owner. */
const foreignSource = async (foreign: Foreign) => {
  const { origin, password, deps } = foreign
  const base = { origin, domains: await domainsOf(origin, deps) }
  const anyone = { ...base, client: connect(origin, { fetch: deps.fetch }), answersOwner: false }
  if (!password) return { source: anyone, checks: [], end: async () => {} }
  const opened = await orCheck('sign-in', () => openAsOwner(foreign, password))
  if ('check' in opened) return { source: anyone, checks: [opened.check], end: async () => {} }
  const { client, kind, namedKeys, end } = opened.value
  const source: PreflightSource = {
    ...base,
    client,
    answersOwner: kind === 'cirrus',
    namedKeys: await namedKeys(),
  }
  return { source, checks: [{ id: 'sign-in', level: 'pass', seen: `signed in to ${origin}` } as const], end }
}

const summary = (checks: readonly Check[]): string => {
  const failed = checks.filter(({ level }) => level === 'fail').length
  const warned = checks.filter(({ level }) => level === 'warn').length
  if (failed > 0) return `${count(failed, 'check')} failed: mend what the lines with ✗ say before you move.`
  return warned > 0
    ? `Nothing stands in the way; read the ${count(warned, 'line')} with ! first.`
    : 'Nothing stands in the way of a move.'
}

export const preflightCommand = command({
  name: 'preflight',
  summary: 'Before a move: check everything that can be known, and say what to mend. It changes nothing.',
  description:
    'Identity, keys, what the PLC directory still takes, repository and blobs; with --to also the target: its DID, invite\n' +
    'codes, an account that is there already, the handle, the largest blob, the clocks. Without --from and --identifier it\n' +
    'is about this Cirrus. Of another PDS it asks what everybody may; with PDS_SOURCE_PASSWORD it signs in there, as the\n' +
    'move will. Exit code 3 if something fails, 0 if all is well or only deserves a look.',
  flags: {
    to: { type: 'string', hint: 'url', help: 'The PDS that the account is to move to.' },
    from: {
      type: 'string',
      hint: 'url',
      help: 'The PDS that the account is on. Default: this Cirrus; with --identifier, the one that the DID names.',
    },
    identifier: {
      type: 'string',
      hint: 'handle',
      help: 'Handle or DID of an account that is on another PDS.',
    },
    handle: { type: 'string', hint: 'handle', help: 'The handle on the new PDS. Default: the present one.' },
    'recovery-key': RECOVERY_KEY_FLAG,
    'all-blobs': { type: 'boolean', help: 'Read and hash every blob, not only some of them.' },
    'undo-op': { type: 'string', hint: 'file', help: 'What `pds undo-op` wrote: whether it is still fresh.' },
  },
  examples: [
    'pds preflight',
    'pds preflight --to https://new.example.com --all-blobs',
    'pds preflight --identifier alice.example.com --to https://new.example.com',
  ],
  async run(context, flags) {
    const { to, from, identifier, handle, 'all-blobs': allBlobs, 'undo-op': undoFile } = flags
    const { io, out, project, address } = context
    const isOwn = from === undefined && identifier === undefined
    if (from !== undefined && identifier === undefined)
      throw new CliError('usage', 'pds preflight: --from needs --identifier, which says whose account it is')
    const targetOrigin = to === undefined ? undefined : parseHost(to, '--to')
    const fromOrigin = from === undefined ? undefined : parseHost(from, '--from')
    const ownerKeys = await ownerKeysOf(context, flags['recovery-key'])
    const directoryUrl = directoryOf(io.env, project)
    const deps = moverDeps(
      context,
      isOwn
        ? { directoryUrl: address().plcUrl, dev: address().dev }
        : { directoryUrl, dev: isLoopback(fromOrigin ?? targetOrigin ?? 'https://') },
    )
    const owner = createOwner(context, { email: undefined })
    const account = isOwn ? (await getStatus(await context.admin())).did : (identifier ?? '')
    const who = await resolveWho(account, fromOrigin, deps)
    const undo = undoFile && (await checkUndoOp(resolve(io.cwd, undoFile), who.log, deps.now()))
    const origin = fromOrigin ?? who.pds
    if (!isOwn && origin === undefined)
      throw new CliError('did-not-found', `${who.did} names no PDS, so there is nothing to move`)
    const password = io.env['PDS_SOURCE_PASSWORD']
    const { source, checks, end } = isOwn
      ? { source: await ownSource(context, deps), checks: [], end: async () => {} }
      : await foreignSource({ who, origin: origin ?? '', identifier: account, password, owner, deps })
    const folder = await mkdtemp(join(tmpdir(), 'pds-preflight-'))
    const progress = out.progress('Checking')
    try {
      const target =
        targetOrigin === undefined
          ? undefined
          : await orCheck('target', () => openStandardTarget(targetOrigin, { owner, deps }))
      const found = await preflight(deps, {
        who,
        source,
        target: target && 'value' in target ? target.value : undefined,
        ownerKeys,
        handle,
        allBlobs,
        store: await folderStore(folder, () => io.now()),
        onProgress: (_, done, total) => progress.to(done, total),
      })
      progress.end()
      const all = [
        ...checks,
        ...found.checks,
        ...(target && 'check' in target ? [target.check] : []),
        ...(undo ? [undo] : []),
      ]
      const level = worst(all)
      out.result(
        {
          ok: level !== 'fail',
          level,
          did: who.did,
          from: source.origin,
          ...(targetOrigin === undefined ? {} : { to: targetOrigin }),
          contents: found.contents,
          checks: all,
        },
        `${checkLines(all, out.paint)}\n${out.paint(level === 'fail' ? 'red' : 'green', summary(all))}`,
        level === 'fail' ? 'preflight-failed' : undefined,
      )
      return level === 'fail' ? EXIT.problems : EXIT.ok
    } finally {
      progress.end()
      await end()
      await rm(folder, { recursive: true, force: true })
    }
  },
})
