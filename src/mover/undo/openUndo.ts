import { isValidDid } from '@atproto/syntax'
import { connect } from '../../client/index.ts'
import { PDS_ID } from '../../plc/build.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { operationData } from '../../plc/verifyLog.ts'
import { directoryOf } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { endSession, refuseAppPassword, signIn } from '../peers/session.ts'
import { moverFailure } from '../refusal.ts'
import { handlesOf, resolveWho } from '../resolveWho.ts'
import { findUndo, type FoundUndo, originOf, serversOf } from './findUndo.ts'
import type { Place, Undo, UndoRequest } from './undoTypes.ts'

const signingKeysOf = ({ entries }: VerifiedLog): string[] => [
  ...new Set(
    entries
      .map(({ operation }) => operationData(operation)?.verificationMethods['atproto'])
      .filter((key) => key !== undefined),
  ),
]

const openHome = async (origin: string, did: string, { owner, deps }: UndoRequest): Promise<Place> => {
  const password = await owner.answer('sourcePassword', { origin, identifier: did })
  const client = await signIn({ origin, identifier: did, password }, { owner, deps }).catch(
    (cause: unknown) => {
      throw moverFailure(cause, 'source', { '*': 'source-sign-in' })
    },
  )
  try {
    if (client.session) refuseAppPassword(client.session, origin)
  } catch (cause) {
    await endSession(client, deps)
    throw cause
  }
  return { origin, client, signedIn: true }
}

/**
 * Without a session the server can still be read, while the account is active there, and cannot be told to end. A server
 * that does not answer is asked again later, when the owner decides to go on without it.
 */
const openAway = async (
  origin: string,
  { did, handle }: { did: string; handle: string },
  { owner, deps, emit, isLockedOut }: UndoRequest,
): Promise<Place> => {
  const anonymous = { origin, client: connect(origin, { fetch: deps.fetch }), signedIn: false }
  if (isLockedOut) return anonymous
  const password = await owner.answer('targetPassword', { origin, handle })
  try {
    const client = await signIn({ origin, identifier: did, password }, { owner, deps })
    if (client.session) refuseAppPassword(client.session, origin)
    return { origin, client, signedIn: true }
  } catch (cause) {
    deps.signal.throwIfAborted()
    const failure = moverFailure(cause, 'target', { '*': 'sign-in-needed' })
    if (!(failure instanceof MoverError) || failure.code !== 'target-unreachable') throw failure
    emit({ type: 'warning', text: `${origin} does not answer: ${failure.message}` })
    return anonymous
  }
}

/**
 * The log of the DID, verified. A DID that was tombstoned meanwhile, by a server that its owner regrets, has one as well:
 * it can be undone like any other operation.
 */
const logOf = async ({ account, deps }: UndoRequest): Promise<VerifiedLog> => {
  const did = isValidDid(account) ? account : (await resolveWho(account, undefined, deps)).did
  if (!did.startsWith('did:plc:'))
    throw new MoverError(
      'undo-impossible',
      `${did} is not a did:plc: nothing is signed for it, its owner edits its document`,
    )
  try {
    return await directoryOf(deps).log(did)
  } catch (cause) {
    throw moverFailure(cause, 'source')
  }
}

const saysWhat = (
  { did }: VerifiedLog,
  { rotation, until }: FoundUndo,
  from: string,
  to: string | undefined,
): string => {
  const at = new Date(rotation.entry.createdAt).toISOString()
  const what =
    to === undefined
      ? `${did} left ${from} at ${at}, and names no server since`
      : `${did} moved from ${from} to ${to} at ${at}`
  return until === undefined ? what : `${what}; it can be undone until ${new Date(until).toISOString()}`
}

/** Finds the move and its undo operation in the verified log, and then signs in to both servers. */
export const openUndo = async (request: UndoRequest): Promise<Undo> => {
  const { deps, emit } = request
  const log = await logOf(request)
  const { did } = log
  const found = await findUndo(log, request, deps.now())
  const { from, to } = serversOf(found.rotation)
  emit({ type: 'step', step: 'move', text: saysWhat(log, found, from, to) })
  const store = await request.openStore(did)
  const [handle = did] = handlesOf(found.rotation.data.alsoKnownAs)
  const home = await openHome(from, did, request)
  // The DID may have moved on since.
  const now = originOf(log.head.data?.services[PDS_ID]?.endpoint)
  const left = now === undefined || now === from ? to : now
  const away =
    left === undefined || request.withoutAdditions
      ? undefined
      : await openAway(left, { did, handle }, request).catch(async (cause: unknown) => {
          await endSession(home.client, deps)
          throw cause
        })
  return { request, did, handle, log, found, store, signingKeys: signingKeysOf(log), home, away }
}
