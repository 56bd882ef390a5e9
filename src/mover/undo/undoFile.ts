import { isObject } from '../../isObject.ts'
import { PlcError } from '../../plc/errors.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation, VerifiedLog } from '../../plc/types.ts'
import { type UndoState, undoState } from '../../plc/undo.ts'
import { MoverError } from '../moverError.ts'

/** An undo operation that was signed beforehand, as its owner keeps it. Anyone who has it can undo the move. */
export interface UndoFile {
  did: string
  operation: Operation
}

const NOTE =
  'An operation that undoes the next move of a DID within 72 hours. Anyone who has it can do that: keep it as you keep a key.'

/** The content of the file. */
export const undoFileText = ({ did, operation }: UndoFile): string =>
  `${JSON.stringify({ what: NOTE, did, operation }, null, 2)}\n`

/** Reads the content of the file. `name` is what an error calls it. */
export function parseUndoFile(text: string, name: string): UndoFile {
  const bad = (why: string, cause?: unknown) =>
    new MoverError('bad-undo-op', `${name} is not an undo operation: ${why}`, { cause })
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || typeof value['did'] !== 'string') throw bad('it names no DID')
    return { did: value['did'], operation: parseOperation(value['operation']) }
  } catch (cause) {
    if (cause instanceof SyntaxError) throw bad('it is not JSON', cause)
    if (cause instanceof PlcError) throw bad(cause.message, cause)
    throw cause
  }
}

/** Whether the undo operation of this file is still of use, as the verified log of the DID is now. */
export const undoOpState = async (file: UndoFile, log: VerifiedLog, now: number): Promise<UndoState> =>
  file.did === log.did
    ? await undoState(log, file.operation, now)
    : { state: 'foreign', why: `it is for ${file.did}, not for ${log.did}` }
