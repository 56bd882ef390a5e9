import { operationCid } from '../../plc/cid.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { keysOfMove, type Rotation } from '../../plc/undo.ts'
import { directoryOf } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { isCirrus } from '../peers/isCirrus.ts'
import { statusOf } from '../peers/passwordSource.ts'
import { moverFailure, ofSource } from '../refusal.ts'
import type { Undo, UndoRequest } from './undoTypes.ts'

/** Submits the operation once, and says what the log shows then. */
export const submit = async ({ request, did, found, home }: Undo): Promise<VerifiedLog> => {
  const { deps, emit } = request
  const directory = directoryOf(deps)
  try {
    if (found.operation) await directory.submit(did, found.operation)
    const log = await directory.log(did)
    if (found.operation) {
      const cid = await operationCid({ ...found.operation })
      if (!log.entries.some((entry) => entry.cid === cid && !entry.nullified))
        throw new MoverError(
          'directory-refused',
          'the directory took the operation, and its log does not have it',
        )
      emit({ type: 'step', step: 'submitted', text: `the DID names ${home.origin} again` })
    } else emit({ type: 'step', step: 'submitted', text: `the DID named ${home.origin} again before` })
    return log
  } catch (cause) {
    throw moverFailure(cause, 'source')
  }
}

export const nullifiedBy = (log: VerifiedLog, { before }: Rotation): string[] => {
  const from = log.entries.findIndex(({ cid }) => cid === before.cid)
  return log.entries.slice(from + 1).flatMap(({ cid, nullified }) => (nullified ? [cid] : []))
}

export const sayKeys = (
  log: VerifiedLog,
  rotation: Rotation,
  { emit }: UndoRequest,
): ReturnType<typeof keysOfMove> => {
  const found = keysOfMove(log, rotation)
  if (found.standing.length > 0)
    emit({
      type: 'warning',
      text: `these keys came with the move and still are in an operation that stands: ${found.standing.join(', ')}`,
    })
  else
    emit({
      type: 'step',
      step: 'keys',
      text: 'those of the other server are in nullified operations only: they have no power over the DID',
    })
  return found
}

export const activateHome = async ({ home, request, did }: Undo): Promise<void> => {
  const { client, origin } = home
  const { active } = await ofSource(statusOf(client))
  if (!active) await ofSource(client.com.atproto.server.activateAccount())
  // A move that stopped half-way holds writes back here, and what is brought back is written.
  else if (await ofSource(isCirrus(client, did)))
    await ofSource(client.com.cirrus.admin.fenceWrites({ minutes: 0 }))
  const after = await ofSource(statusOf(client))
  if (!after.active)
    throw new MoverError(
      'source-refused',
      `${origin} answers that it has activated the account, and it is not active`,
    )
  request.emit({ type: 'step', step: 'activated', text: active ? `${origin} was active` : origin })
}

/** Returns whether the account there is deactivated. It costs nothing but a warning if it cannot be. */
export const deactivateAway = async ({ away, request }: Undo): Promise<boolean> => {
  const { emit, deps } = request
  if (!away?.signedIn) return false
  try {
    const { active } = await statusOf(away.client)
    if (active) await away.client.com.atproto.server.deactivateAccount({})
    emit({ type: 'step', step: 'deactivated', text: away.origin })
    return true
  } catch (cause) {
    deps.signal.throwIfAborted()
    const text = cause instanceof Error ? cause.message : String(cause)
    emit({ type: 'warning', text: `the account on ${away.origin} was not deactivated: ${text}` })
    return false
  }
}
