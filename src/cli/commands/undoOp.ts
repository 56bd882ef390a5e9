import { resolve } from 'node:path'
import { parseUndoFile, type UndoFile, undoFileText, undoOpState } from '../../mover/undo/undoFile.ts'
import { MoverError } from '../../mover/moverError.ts'
import { resolveWho } from '../../mover/resolveWho.ts'
import { buildUndo, type UndoState } from '../../plc/undo.ts'
import { command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { readText, writeSecret } from '../files/files.ts'
import { accountOf, recoveryKeyOf } from '../recovery/recoveryContext.ts'

/** What a state means to the owner. */
export const stateText = (state: UndoState): string => {
  switch (state.state) {
    case 'fresh':
      return `It is fresh: it undoes the next move if ${state.overrides.length === 1 ? 'this key signs' : 'one of these keys signs'} it: ${state.overrides.join(', ')}`
    case 'ready':
      return `The DID has moved: \`pds undo\` can submit it until ${new Date(state.until).toISOString()}.`
    case 'done':
      return 'It was submitted, and stands.'
    default:
      return `It is worthless: ${state.why}.`
  }
}

export const undoOp = command({
  name: 'undo-op',
  summary:
    'Sign the operation that undoes the next move, beforehand. --check: say whether it is still fresh.',
  description:
    'The recovery key signs it; the file needs no server and no key later. Any other operation on the DID makes it\n' +
    'worthless: sign it as the last thing before you move. Anyone who has the file can undo the move: keep it like a key.',
  positionals: [{ name: 'file', help: 'Where the operation is written, or is.' }],
  flags: {
    'recovery-key': {
      type: 'string',
      hint: 'file',
      help: 'The file of the recovery key. Without it the key is asked for.',
    },
    check: { type: 'boolean', help: 'Only say how the operation of the file stands to the DID.' },
    identifier: { type: 'string', hint: 'name', help: 'An account elsewhere: its handle or DID.' },
  },
  examples: [
    'pds undo-op undo.json --recovery-key /media/stick/recovery-key.json',
    'pds undo-op undo.json --check',
  ],
  async run(context, { 'recovery-key': keyFile, check, identifier }, [name]) {
    const { io, out } = context
    const file = resolve(io.cwd, name)
    const text = await readText(file)
    const kept = text === undefined ? undefined : parseUndoFile(text, file)
    const { account, deps } = await accountOf(context, {
      identifier: identifier ?? (check ? kept?.did : undefined),
    })
    const { did, log, head } = await resolveWho(account, undefined, deps)
    if (!log || !head)
      throw new MoverError('undo-impossible', `${did} is not a did:plc: nothing is signed for it`)
    const stateOf = (undo: UndoFile): Promise<UndoState> => undoOpState(undo, log, deps.now())
    const before = kept && (await stateOf(kept))
    if (check) {
      if (!before) throw new CliError('usage', `there is no file ${file}`)
      const ok = before.state === 'fresh' || before.state === 'ready'
      out.result({ ok, did, file, ...before }, stateText(before), ok ? undefined : 'bad-undo-op')
      return ok ? EXIT.ok : EXIT.problems
    }
    if (kept && before?.state === 'ready')
      throw new CliError(
        'keys-exist',
        `${file} has the operation that can undo the move of ${kept.did} now`,
        {
          next: 'keep it, and run `pds undo`; or name another file',
        },
      )
    if (kept && kept.did !== did)
      throw new CliError('keys-exist', `${file} is for ${kept.did}, not for ${did}`, {
        next: 'name another file',
      })
    if (before?.state === 'fresh') {
      out.result({ ok: true, did, file, already: true, ...before }, stateText(before))
      return EXIT.ok
    }
    const key = await recoveryKeyOf(context, keyFile)
    if (!head.data.rotationKeys.includes(key.did))
      throw new MoverError('undo-impossible', `${key.did} is not a rotation key of ${did}`, {
        next: `put it first: \`pds recovery-key add ${key.did}${identifier === undefined ? '' : ` --identifier ${identifier}`}\``,
      })
    const undo = { did, operation: await key.signOperation(buildUndo(head.data, head.cid)) }
    const state = await stateOf(undo)
    if (state.state !== 'fresh') throw new MoverError('undo-impossible', stateText(state))
    await writeSecret(file, undoFileText(undo))
    if (head.data.rotationKeys[0] !== key.did)
      out.warn(
        'the recovery key is not the first rotation key: a key above it is not overridden.',
        'no-recovery-key',
      )
    out.result(
      { ok: true, did, file, already: false, ...state },
      `${stateText(state)}\nNext: move now. Any other operation on the DID makes ${name} worthless; keep it like a key.`,
    )
    return EXIT.ok
  },
})
