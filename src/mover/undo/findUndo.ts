import { PDS_ID } from '../../plc/build.ts'
import { findSigner } from '../../plc/findSigner.ts'
import type { Operation, VerifiedLog } from '../../plc/types.ts'
import { buildUndo, lastRotation, type Rotation, undoneRotation, type UndoState } from '../../plc/undo.ts'
import type { RotationKey } from '../../signing/keys.ts'
import { MoverError } from '../moverError.ts'
import { type UndoFile, undoOpState } from './undoFile.ts'

/** How the move is to be undone: by an operation that was signed beforehand, or by the recovery key now. */
export interface UndoMeans {
  file?: UndoFile | undefined
  recoveryKey?: RotationKey | undefined
  /** Origin of the server to return to, if the DID has moved more than once. */
  returnTo?: string | undefined
}

/** The move, and the operation that undoes it. */
export interface FoundUndo {
  rotation: Rotation
  /** Undefined if the log has it already. */
  operation: Operation | undefined
  /** The key that signed it, which is the owner's. */
  signer: string | undefined
  /** Until when the directory takes it, in milliseconds since the epoch. */
  until: number | undefined
}

export const originOf = (endpoint: string | undefined): string | undefined =>
  endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined

type Ready = Extract<UndoState, { state: 'ready' }>

const why = (state: UndoState): string => {
  switch (state.state) {
    case 'fresh':
      return 'the DID has not moved since it was signed'
    case 'done':
      return 'it was submitted'
    case 'ready':
      return 'it can be submitted'
    default:
      return state.why
  }
}

const readyByFile = async (
  log: VerifiedLog,
  file: UndoFile,
  now: number,
): Promise<{ ready: Ready; operation: Operation } | { refused: UndoState }> => {
  const state = await undoOpState(file, log, now)
  return state.state === 'ready' ? { ready: state, operation: file.operation } : { refused: state }
}

const readyByKey = async (
  log: VerifiedLog,
  key: RotationKey,
  rotation: Rotation,
  now: number,
): Promise<{ ready: Ready; operation: Operation }> => {
  const operation = await key.signOperation(buildUndo(rotation.data, rotation.before.cid))
  const state = await undoOpState({ did: log.did, operation }, log, now)
  if (state.state === 'ready') return { ready: state, operation }
  const problem = rotation.data.rotationKeys.includes(key.did)
    ? why(state)
    : `${key.did} was not a rotation key of the DID before the move`
  throw new MoverError('undo-impossible', `the move cannot be undone: ${problem}`)
}

const foundBy = async ({ ready, operation }: { ready: Ready; operation: Operation }): Promise<FoundUndo> => ({
  rotation: ready.rotation,
  operation,
  signer: await findSigner(operation, ready.rotation.data.rotationKeys),
  until: ready.until,
})

/** Finds the last move of the DID and the operation that undoes it. Nothing is sent. */
export async function findUndo(
  log: VerifiedLog,
  { file, recoveryKey, returnTo }: UndoMeans,
  now: number,
): Promise<FoundUndo> {
  const isWanted = ({ from }: Rotation): boolean => returnTo === undefined || originOf(from) === returnTo
  const rotation = lastRotation(log, isWanted)
  const undone = undoneRotation(log, isWanted)
  // A later move counts, not one that was undone before it.
  if (undone && (!rotation || undone.undo.createdAt >= rotation.entry.createdAt))
    return { rotation: undone.rotation, operation: undefined, signer: undefined, until: undefined }
  if (!rotation)
    throw new MoverError(
      'nothing-to-undo',
      `${log.did} has never moved away${returnTo === undefined ? '' : ` from ${returnTo}`}, so there is nothing to undo`,
    )
  const byFile = file && (await readyByFile(log, file, now))
  if (byFile && 'ready' in byFile) return await foundBy(byFile)
  if (recoveryKey) return await foundBy(await readyByKey(log, recoveryKey, rotation, now))
  if (byFile)
    throw new MoverError(
      byFile.refused.state === 'late' ? 'undo-impossible' : 'bad-undo-op',
      `the undo operation is of no use: ${why(byFile.refused)}`,
    )
  throw new MoverError('bad-undo-op', 'neither an undo operation nor a recovery key was given')
}

/** The two servers of a move, by their origins. */
export const serversOf = ({ from, to, entry }: Rotation): { from: string; to: string | undefined } => {
  const origin = originOf(from)
  if (origin !== undefined) return { from: origin, to: originOf(to) }
  throw new MoverError(
    'undo-impossible',
    `before ${entry.cid} the DID named no server that one could go back to (${PDS_ID} is ${from ?? 'missing'})`,
  )
}
