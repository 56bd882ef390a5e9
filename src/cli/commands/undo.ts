import { resolve } from 'node:path'
import { parseUndoFile } from '../../mover/undo/undoFile.ts'
import { undoMove } from '../../mover/undo/undoMove.ts'
import type { UndoEvent, UndoReport } from '../../mover/undo/undoTypes.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { readText } from '../files/files.ts'
import { configuredKeys } from '../move/moveContext.ts'
import { accountOf, openUndoStore, recoveryKeyOf, undoOwner } from '../recovery/recoveryContext.ts'
import { parseHost } from '../project/config.ts'
import { count } from '../terminal/output.ts'
import { previewText } from '../terminal/previewText.ts'

const STEPS: Record<Extract<UndoEvent, { type: 'step' }>['step'], string> = {
  move: 'Move',
  additions: 'Additions',
  submitted: 'Identity',
  keys: 'Keys',
  activated: 'Active',
  deactivated: 'Deactivated',
  broughtBack: 'Brought back',
  revision: 'Revision',
  verified: 'Verified',
}

const show =
  ({ out }: Context) =>
  (event: UndoEvent): void => {
    switch (event.type) {
      case 'step':
        return out.aside(
          { step: event.step, text: event.text },
          `${STEPS[event.step].padEnd(12)}  ${event.text}`,
        )
      case 'preview':
        return out.note(`The DID before and after:\n${previewText(event.lines, out.paint)}`)
      case 'warning':
        return out.warn(event.text)
    }
  }

const summary = ({ returned, left, written, failed, unchanged, deactivated, kept }: UndoReport): string =>
  [
    `The account is on ${returned} again.`,
    ...(written > 0 ? [`${count(written, 'record')} brought back.`] : []),
    ...(failed.length > 0
      ? [`${count(failed.length, 'record')} could not be brought back; they are kept in ${kept}:`]
      : []),
    ...failed.map(({ path, why }) => `  ${path}: ${why}`),
    ...(unchanged.length > 0
      ? [`${count(unchanged.length, 'record')} left as they are: ${unchanged.slice(0, 5).join(', ')}`]
      : []),
    ...(left !== undefined && !deactivated
      ? [
          `Next: deactivate the account on ${left}, which cannot speak for the DID any more but may still show it.`,
        ]
      : [
          `Next: look at your account; what was fetched is kept in ${kept}, delete it when nothing is missing.`,
        ]),
  ].join('\n')

export const undo = command({
  name: 'undo',
  summary: 'Undo the last move of the account, within 72 hours, with what was written since.',
  description:
    'What was written to the server that the account leaves is fetched and kept first. Then the operation of `pds undo-op`,\n' +
    'or one that the recovery key signs now, is shown and submitted; the account is activated where it was, deactivated\n' +
    'where it is, and what was written comes back. It may be run again after any interruption.\n' +
    'You sign in to both servers with the account passwords: they are asked for, or read from PDS_SOURCE_PASSWORD (the\n' +
    'server that it returns to; its own Cirrus knows PDS_PASSWORD and the key file) and PDS_TARGET_PASSWORD.',
  flags: {
    'undo-op': { type: 'string', hint: 'file', help: 'The file that `pds undo-op` wrote.' },
    'recovery-key': { type: 'string', hint: 'file', help: 'The file of the recovery key, to sign now.' },
    identifier: { type: 'string', hint: 'name', help: 'An account elsewhere: its handle or DID.' },
    to: {
      type: 'string',
      hint: 'url',
      help: 'The server to return to. Default: the one before the last move; needed if the DID has moved on since.',
    },
    'locked-out': {
      type: 'boolean',
      help: 'You cannot sign in to the server that the account leaves: fetch what it shows to anyone.',
    },
    'without-additions': {
      type: 'boolean',
      help: 'Do not ask that server: what was written there since the move is not brought back.',
    },
  },
  examples: ['pds undo --undo-op undo.json', 'pds undo --recovery-key /media/stick/recovery-key.json'],
  async run(context, flags) {
    const { io, out } = context
    const { 'undo-op': file, 'recovery-key': keyFile, identifier } = flags
    const text = file === undefined ? undefined : await readText(resolve(io.cwd, file))
    if (file !== undefined && text === undefined) throw new CliError('usage', `there is no file ${file}`)
    const kept = text === undefined ? undefined : parseUndoFile(text, String(file))
    const { account, deps } = await accountOf(context, { identifier: identifier ?? kept?.did })
    const recoveryKey = kept && keyFile === undefined ? undefined : await recoveryKeyOf(context, keyFile)
    const report = await undoMove({
      account,
      file: kept,
      recoveryKey,
      returnTo: flags.to === undefined ? undefined : parseHost(flags.to, '--to'),
      owner: undoOwner(context),
      deps,
      ownerKeys: configuredKeys(context),
      openStore: (did) => openUndoStore(context, did),
      emit: show(context),
      isLockedOut: flags['locked-out'],
      withoutAdditions: flags['without-additions'],
    })
    out.result(report, summary(report))
    return report.ok ? EXIT.ok : EXIT.problems
  },
})
