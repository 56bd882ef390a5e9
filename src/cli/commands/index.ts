import type { Command } from '../command.ts'
import { activate } from './activate.ts'
import { appPassword } from './appPassword.ts'
import { backupCommand } from './backup.ts'
import { check } from './check.ts'
import { deactivate } from './deactivate.ts'
import { deleteAccount } from './deleteAccount.ts'
import { didWebMove } from './didWebMove.ts'
import { dev } from './dev.ts'
import { doctor } from './doctor.ts'
import { emitIdentity } from './emitIdentity.ts'
import { endSessions } from './endSessions.ts'
import { grants } from './grants.ts'
import { handle } from './handle.ts'
import { importCommand } from './import.ts'
import { init } from './init.ts'
import { identity } from './identity.ts'
import { log } from './log.ts'
import { migrateToken } from './migrateToken.ts'
import { move } from './move.ts'
import { passkey } from './passkey.ts'
import { preflightCommand } from './preflight.ts'
import { recoveryKey } from './recoveryKey.ts'
import { rehearseTarget } from './rehearseTarget.ts'
import { rehost } from './rehost.ts'
import { releaseRetention } from './releaseRetention.ts'
import { requestCrawl } from './requestCrawl.ts'
import { restoreCommand } from './restore.ts'
import { revokeTokens } from './revokeTokens.ts'
import { rotateKey } from './rotateKey.ts'
import { sessions } from './sessions.ts'
import { setPassword } from './setPassword.ts'
import { status } from './status.ts'
import { teardown } from './teardown.ts'
import { undo } from './undo.ts'
import { undoOp } from './undoOp.ts'
import { upgrade } from './upgrade.ts'
import { verify } from './verify.ts'
import { watch } from './watch.ts'

/** All commands, in the order in which a user needs them. */
export const commands: readonly Command[] = [
  init,
  dev,
  upgrade,
  status,
  doctor,
  preflightCommand,
  migrateToken,
  revokeTokens,
  deactivate,
  verify,
  activate,
  move,
  didWebMove,
  backupCommand,
  restoreCommand,
  importCommand,
  identity,
  handle,
  rehost,
  rotateKey,
  recoveryKey,
  undoOp,
  undo,
  teardown,
  emitIdentity,
  requestCrawl,
  setPassword,
  appPassword,
  passkey,
  sessions,
  endSessions,
  grants,
  check,
  log,
  watch,
  releaseRetention,
  deleteAccount,
  rehearseTarget,
]

/** Commands that earlier versions had, and what has taken their place. */
export const RENAMED: Readonly<Record<string, string>> = { export: 'backup' }
