import { moveAccount } from '../../mover/moveAccount.ts'
import { adminSource } from '../../mover/peers/adminPeers.ts'
import { archiveSource } from '../../mover/peers/archiveSource.ts'
import { passwordSource } from '../../mover/peers/passwordSource.ts'
import { standardTarget } from '../../mover/peers/standardTarget.ts'
import { resolveWho } from '../../mover/resolveWho.ts'
import type { MoveReport } from '../../mover/moveEvent.ts'
import type { MoverDeps } from '../../mover/moverDeps.ts'
import type { Owner } from '../../mover/owner.ts'
import type { SourceOpener } from '../../mover/source.ts'
import { STEP_NAMES, type StepName } from '../../mover/stepName.ts'
import { openBackup } from '../backup/openBackup.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { archiveKeys } from '../move/archiveKeys.ts'
import { movedBefore, moverDeps, openMoveStore } from '../move/moveContext.ts'
import { MAX_REPO_FLAG, parseMaxRepo } from '../move/maxRepo.ts'
import { MAX_REQUEST_FLAG, parseMaxRequest } from '../move/maxRequest.ts'
import { createOwner } from '../move/owner.ts'
import { ownerKeysOf, RECOVERY_KEY_FLAG, recoveryKeyFile } from '../move/ownerKeys.ts'
import { createShowEvents } from '../move/showEvents.ts'
import { directoryOf, isLoopback, parseHost } from '../project/config.ts'
import { getStatus } from '../servers/status.ts'
import { count, firstFew } from '../terminal/output.ts'

const parseStep = (text: string | undefined): StepName | undefined => {
  const found = STEP_NAMES.find((name) => name === text)
  if (text === undefined || found) return found
  throw new CliError('usage', `--until ${text} is not a step`, {
    next: `give one of ${STEP_NAMES.join(', ')}`,
  })
}

const summary = ({ handle, to, from, reached, rehearsal, missing, left, next }: MoveReport): string =>
  [
    rehearsal
      ? `Everything that can be undone is done: ${handle} is on ${to}, inactive, and the DID names ${from} as before.`
      : reached === 'report'
        ? `${handle} is on ${to} now.`
        : `Done up to the step ${reached}.`,
    ...(missing.length > 0 ? [`${count(missing.length, 'blob')} missing: ${firstFew(missing)}`] : []),
    ...left.map((text) => `Left behind: ${text}`),
    `Next: ${next}`,
  ].join('\n')

interface Where {
  readonly to: string
  readonly from: string | undefined
  readonly identifier: string | undefined
  readonly backup: string | undefined
  readonly recoveryKey: string | undefined
}

/** What is known of the account before anything is asked: which one it is, and how it is read. */
interface Found {
  readonly account: string
  /** Where it is said to be. */
  readonly origin: string | undefined
  readonly directoryUrl: string
  readonly dev: boolean
  /** The owner's rotation keys that came with it. */
  readonly ownerKeys: readonly string[]
  source(peers: { owner: Owner; deps: MoverDeps }): SourceOpener
}

const findBackup = async (context: Context, { to, recoveryKey }: Where, folder: string): Promise<Found> => {
  const archive = await openBackup(context, folder)
  const keys = await archiveKeys(context, archive, recoveryKeyFile(recoveryKey))
  return {
    account: archive.did,
    origin: undefined,
    directoryUrl: directoryOf(context.io.env, context.project),
    dev: isLoopback(to),
    ownerKeys: keys.rotation.map(({ did }) => did).filter((did) => !keys.serverKeys.includes(did)),
    source: (peers) => archiveSource({ archive, keys, ...peers }),
  }
}

const findElsewhere = async (context: Context, { from, identifier, to }: Where): Promise<Found> => {
  const { prompts } = context
  const origin = from === undefined ? undefined : parseHost(from, '--from')
  const account =
    identifier ??
    (await prompts.text(`Handle of the account on ${from ?? 'its PDS'}`, { alternative: '--identifier' }))
  return {
    account,
    origin,
    directoryUrl: directoryOf(context.io.env, context.project),
    dev: isLoopback(origin ?? to),
    ownerKeys: [],
    source: (peers) => passwordSource({ origin, identifier: account, ...peers }),
  }
}

const findHere = async (context: Context): Promise<Found> => {
  const { origin, plcUrl, dev } = context.address()
  const admin = await context.admin()
  const { did } = await getStatus(admin)
  return {
    account: did,
    origin,
    directoryUrl: plcUrl,
    dev,
    ownerKeys: [],
    source: ({ deps }) => adminSource({ admin, deps }),
  }
}

const findAccount = async (context: Context, where: Where): Promise<Found> => {
  const { from, identifier, backup } = where
  if (backup === undefined)
    return from === undefined && identifier === undefined
      ? await findHere(context)
      : await findElsewhere(context, where)
  if (from === undefined && identifier === undefined) return await findBackup(context, where, backup)
  throw new CliError('usage', '--from-backup takes the place of --from and --identifier', {
    next: 'leave out one of them',
  })
}

export const move = command({
  name: 'move',
  summary: 'Move an account to another PDS: this Cirrus’s, or any that you can sign in to.',
  description:
    'Copies everything first, and verifies it; then shows the operation that changes the DID, and asks. Up to there all of\n' +
    'it can be undone. It may be run again after any interruption: what is done is not repeated. The journal is in\n' +
    '.pds-move, without a password, token or code. For an account that lives elsewhere it needs no Cirrus:\n' +
    'npx -p node@24 -p cirrus-pds pds move --from https://old.example --identifier alice.example --to https://new.example\n' +
    'Without a terminal the answers come from --email and --yes, and from the environment: PDS_SOURCE_PASSWORD,\n' +
    'PDS_TARGET_PASSWORD, PDS_INVITE_CODE, and PDS_PLC_TOKEN for the code that the old PDS mails when the move asks for it.',
  flags: {
    to: { type: 'string', hint: 'url', help: 'The PDS that the account moves to.' },
    from: {
      type: 'string',
      hint: 'url',
      help: 'The PDS that the account is on. Default: this Cirrus; with --identifier, the one that the DID names.',
    },
    identifier: {
      type: 'string',
      hint: 'handle',
      help: 'The account that moves: its handle or DID. You sign in there with the account password.',
    },
    'from-backup': {
      type: 'string',
      hint: 'dir',
      help: 'A backup (`pds backup`), when the old PDS is gone: the keys in it, or --recovery-key, sign here.',
    },
    'recovery-key': {
      ...RECOVERY_KEY_FLAG,
      help: `${RECOVERY_KEY_FLAG.help} With --from-backup the file can sign.`,
    },
    entryway: {
      type: 'boolean',
      help: '--from is an entryway: you sign in there, and the account is on the PDS that the DID names.',
    },
    handle: {
      type: 'string',
      hint: 'handle',
      help: 'The handle on the new PDS. Default: the present one, if it can stay.',
    },
    email: { type: 'string', hint: 'address', help: 'The e-mail address of the account on the new PDS.' },
    until: { type: 'string', hint: 'step', help: `Stop after this step: ${STEP_NAMES.join(', ')}.` },
    rehearse: {
      type: 'boolean',
      help: 'Do all that can be undone, and leave the new account inactive for the real move.',
    },
    'max-repo': MAX_REPO_FLAG,
    'max-request': MAX_REQUEST_FLAG,
  },
  examples: [
    'pds move --to https://pds.example.org',
    'pds move --to https://pds.example.org --rehearse',
    'pds move --from-backup ./backup --to https://pds.example.org',
    'pds move --from https://old.example.com --identifier alice.example.com --to https://new.example.com',
  ],
  async run(context, flags) {
    const { out } = context
    const { to, from, identifier, entryway, handle, email, until, rehearse } = flags
    if (!to) throw new CliError('usage', 'pds move: --to <url> is missing', { next: 'run `pds move --help`' })
    const target = parseHost(to, '--to')
    const step = parseStep(until)
    const found = await findAccount(context, {
      to: target,
      from,
      identifier,
      backup: flags['from-backup'],
      recoveryKey: flags['recovery-key'],
    })
    const { account, origin } = found
    const ownerKeys = [...found.ownerKeys, ...(await ownerKeysOf(context, flags['recovery-key']))]
    const deps = moverDeps(context, found)
    const owner = createOwner(context, { email })
    const who = await resolveWho(account, origin, deps).catch(async (cause: unknown) => {
      const did = await movedBefore(context, target, account)
      if (did === undefined) throw cause
      return await resolveWho(did, origin, deps)
    })
    const report = await moveAccount({
      account: who.did,
      source: found.source({ owner, deps }),
      target: standardTarget({ origin: target, owner, deps }),
      owner,
      store: await openMoveStore(context, target, who.did),
      deps,
      options: {
        handle,
        until: step,
        rehearse,
        entryway,
        ownerKeys,
        maxRepoBytes: parseMaxRepo(flags['max-repo']),
        maxRequestBytes: parseMaxRequest(flags['max-request']),
      },
      on: createShowEvents(context, { lines: true }),
    })
    if (!out.json) out.result(report, summary(report))
    return report.ok ? EXIT.ok : EXIT.problems
  },
})
