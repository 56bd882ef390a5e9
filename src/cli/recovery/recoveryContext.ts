import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { KeyError } from '../../crypto/errors.ts'
import { Secret } from '../../crypto/secret.ts'
import { folderStore } from '../../mover/folderStore.ts'
import type { MoveStore } from '../../mover/moveStore.ts'
import type { MoverDeps } from '../../mover/moverDeps.ts'
import type { Owner, Questions } from '../../mover/owner.ts'
import type { RotationKey } from '../../signing/keys.ts'
import { loadRecoveryKey } from '../../signing/recoveryKey.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { openRecoveryKeyFile } from '../files/recoveryKeyFile.ts'
import { accountPassword } from '../move/accountPassword.ts'
import { moverDeps } from '../move/moveContext.ts'
import { createOwner } from '../move/owner.ts'
import { directoryOf, isLoopback, parseHost } from '../project/config.ts'
import { getStatus } from '../servers/status.ts'

/** The account that a command is about, and what it takes to ask about it. */
export interface Account {
  /** A handle or a DID. */
  account: string
  deps: MoverDeps
}

/** The account of `--identifier`, which may be anywhere; otherwise that of this deployment. */
export async function accountOf(
  context: Context,
  { identifier, from }: { identifier: string | undefined; from?: string | undefined },
): Promise<Account> {
  const { io, project, globals, address } = context
  if (identifier === undefined) {
    const { plcUrl, dev } = address()
    const did = project?.vars['DID']
    const known = did !== undefined && did !== '' && address().isProjectServer
    const account = known ? did : (await getStatus(await context.admin())).did
    return { account, deps: moverDeps(context, { directoryUrl: plcUrl, dev }) }
  }
  const directoryUrl = globals.dev ? address().plcUrl : directoryOf(io.env, project)
  const dev = globals.dev || isLoopback(from === undefined ? directoryUrl : parseHost(from, '--from'))
  return { account: identifier, deps: moverDeps(context, { directoryUrl, dev }) }
}

/**
 * Who answers when a move is undone: the server that the account returns to may be this deployment’s, whose password is
 * known.
 */
export function undoOwner(context: Context): Owner {
  const { io, project, address } = context
  const owner = createOwner(context)
  const isOwn = (origin: string): boolean =>
    project !== undefined && io.env['PDS_SOURCE_PASSWORD'] === undefined && address().origin === origin
  return {
    answer: (name, asks) => {
      if (name !== 'sourcePassword') return owner.answer(name, asks)
      const { origin, identifier } = asks as Questions['sourcePassword']['asks']
      if (!isOwn(origin)) return owner.answer(name, asks)
      return accountPassword(context, identifier)({ origin, handle: identifier }) as never
    },
  }
}

/** The folder in which what was fetched is kept: one for each account. Git leaves it alone. */
export async function openUndoStore({ io, project }: Context, did: string): Promise<MoveStore> {
  const root = join(project?.root ?? io.cwd, '.pds-undo')
  const store = await folderStore(join(root, did.replace(/[^a-z0-9.-]/gi, '-')), () => io.now())
  await writeFile(join(root, '.gitignore'), '*\n')
  return store
}

/** The recovery key: of the file, otherwise typed on the terminal. Nothing of it is shown or kept. */
export async function recoveryKeyOf(
  { io, prompts }: Context,
  file: string | undefined,
): Promise<RotationKey> {
  if (file !== undefined) return await openRecoveryKeyFile(resolve(io.cwd, file))
  const text = await prompts.secretOfTerminal(
    'Recovery key (multibase, z…, or 64 hexadecimal digits)',
    new CliError('not-a-terminal', 'the recovery key is missing', {
      next: 'give its file: --recovery-key <file>',
    }),
  )
  try {
    return await loadRecoveryKey(new Secret(text))
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new CliError('bad-config', cause.message, { cause })
  }
}
