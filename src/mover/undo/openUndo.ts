import { connect } from '../../client/index.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { operationData } from '../../plc/verifyLog.ts'
import { MoverError } from '../moverError.ts'
import { refuseAppPassword, signIn } from '../peers/session.ts'
import { moverFailure } from '../refusal.ts'
import { resolveWho } from '../resolveWho.ts'
import { findUndo, serversOf } from './findUndo.ts'
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
  if (client.session) refuseAppPassword(client.session, origin)
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

/** Finds the move and its undo operation in the verified log, and then signs in to both servers. */
export const openUndo = async (request: UndoRequest): Promise<Undo> => {
  const { deps, emit } = request
  const who = await resolveWho(request.account, undefined, deps)
  const { did, log } = who
  if (!log)
    throw new MoverError(
      'undo-impossible',
      `${did} is a did:web: nothing is signed for it, its owner edits its document`,
    )
  const found = await findUndo(log, request, deps.now())
  const servers = serversOf(found.rotation)
  const until =
    found.until === undefined ? '' : `; it can be undone until ${new Date(found.until).toISOString()}`
  emit({
    type: 'step',
    step: 'move',
    text: `${did} moved from ${servers.from} to ${servers.to ?? 'no server'} at ${new Date(found.rotation.entry.createdAt).toISOString()}${until}`,
  })
  const store = await request.openStore(did)
  const handle = who.handle ?? did
  const home = await openHome(servers.from, did, request)
  const away =
    servers.to === undefined || request.withoutAdditions
      ? undefined
      : await openAway(servers.to, { did, handle }, request)
  return { request, did, handle, log, found, store, signingKeys: signingKeysOf(log), home, away }
}
