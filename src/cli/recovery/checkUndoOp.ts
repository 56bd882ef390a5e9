import { type Check, pass, warn } from '../../mover/check.ts'
import { parseUndoFile, undoOpState } from '../../mover/undo/undoFile.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { CliError } from '../errors.ts'
import { readText } from '../files/files.ts'

const ID = 'undo-op'

/** Whether the undo operation in a file undoes the move that comes next: any other operation makes it worthless. */
export async function checkUndoOp(file: string, log: VerifiedLog | undefined, now: number): Promise<Check> {
  const text = await readText(file)
  if (text === undefined) throw new CliError('usage', `there is no file ${file}`)
  const undo = parseUndoFile(text, file)
  if (!log) return warn(ID, 'a did:web has no log, and no undo', 'leave --undo-op out')
  const found = await undoOpState(undo, log, now)
  if (found.state === 'fresh')
    return pass(ID, `it is fresh: with ${file} the move can be undone for 72 hours`)
  return warn(
    ID,
    'why' in found
      ? `it is worthless: ${found.why}`
      : 'it belongs to an earlier move, which it undoes or has undone',
    'sign another one, as the last thing before the move: `pds undo-op`',
  )
}
