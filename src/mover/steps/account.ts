import { isValidHandle, normalizeHandle } from '@atproto/syntax'
import { XrpcError } from '../../client/index.ts'
import { already, done, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { isRefusal, moverFailure, ofTarget } from '../refusal.ts'
import { insist } from './ask.ts'
import { chooseHandle } from './chooseHandle.ts'

/** What servers answer when the account is there already. */
const isThere = (cause: unknown): boolean =>
  cause instanceof XrpcError && (cause.error === 'AlreadyExists' || /already/i.test(cause.message))

/**
 * Asks before a move goes on with an account that it has not made, and that was never active: the one who made it may
 * still be signed in to it.
 */
const confirmFound = async ({ journal, target, owner, who, emit }: Move): Promise<void> => {
  if (journal.state.made || journal.state.adopted) return
  if (await target.wasActivated()) return
  const found = `${target.origin} has an account of ${who.did} already, which was never active, and no move that this folder knows of has made it`
  emit({
    type: 'warning',
    step: 'account',
    code: 'account-found',
    text: `${found}. If another migration tool of yours has made it, go on.${target.kind === 'cirrus' ? ' `pds log` shows when it was made, and `pds sessions` who is signed in to it; the first activation ends every session.' : ''}`,
  })
  await insist(
    { owner },
    { topic: 'foundAccount', question: 'Go on with the account that is there?', lines: [found] },
    new MoverError('account-found', found),
  )
  await journal.append({ type: 'adopted' })
}

/** An account that moved away and comes back may still be active there. It must not take writes during the move. */
const deactivateFirst = async (move: Move): Promise<void> => {
  const { target, owner, who, facts } = move
  if (facts.rotated || (await target.state(who.did)) !== 'active') return
  const question = `${facts.handle ?? who.did} is still active on ${target.origin}, though its DID names another PDS. Deactivate it there first?`
  const agreed = await owner.answer('confirm', {
    topic: 'deactivateTarget',
    question,
    lines: [],
    insists: false,
  })
  if (!agreed)
    throw new MoverError('not-confirmed', `not deactivated on ${target.origin}: nothing was changed`)
  await target.deactivate()
}

const signInThere = async (move: Move): Promise<void> => {
  const { target, owner, who, facts } = move
  const { origin } = target
  const handle = facts.handle ?? who.handle ?? who.did
  const password = await owner.answer('targetPassword', { origin, handle })
  try {
    await target.signIn({ identifier: who.did, password })
  } catch (cause) {
    throw moverFailure(cause, 'target', { '*': 'sign-in-needed' })
  }
}

/** Creates the account. Everything is asked for before the token, which is valid for a minute. */
const createThere = async (move: Move): Promise<void> => {
  const { target, source, owner, who, journal } = move
  const { origin, description } = target
  let handle = await chooseHandle(move)
  if (handle === target.ownHandle && handle !== who.handle)
    move.emit({ type: 'note', step: 'account', text: `${origin} is set up for the handle ${handle}` })
  const inviteCode = description.inviteCodeRequired
    ? (await owner.answer('inviteCode', { origin })).trim()
    : undefined
  const email = target.hasPassword ? undefined : (await owner.answer('email', { origin })).trim()
  const password = await owner.answer(target.hasPassword ? 'targetPassword' : 'newPassword', {
    origin,
    handle,
  })
  for (let attempts = 0; ; attempts++) {
    const token = await source.accountToken(target.serviceDid)
    await journal.append({ type: 'creating', handle })
    try {
      await target.createAccount({
        did: who.did,
        handle,
        password,
        token,
        ...(email === undefined ? {} : { email }),
        ...(inviteCode === undefined ? {} : { inviteCode }),
      })
      move.facts.handle = handle
      return
    } catch (cause) {
      // An earlier attempt may have arrived although its answer was lost.
      if (isThere(cause) && attempts === 0 && (await target.state(who.did)) === 'inactive') {
        await ofTarget(target.signIn({ identifier: who.did, password }), { '*': 'sign-in-needed' })
        move.facts.handle = handle
        return
      }
      // An account that is there although the server has refused to create it is somebody else's.
      if (isRefusal(cause)) await journal.append({ type: 'notCreated' })
      const isHandle =
        cause instanceof XrpcError && /handle/i.test(`${cause.error} ${cause.message}`) && attempts < 5
      if (!isHandle || target.ownHandle !== undefined) throw createFailure(cause, move)
      const asks = { why: cause.message, origin, domains: description.availableUserDomains }
      handle = normalizeHandle((await owner.answer('handle', asks)).trim())
      if (!isValidHandle(handle)) throw new MoverError('handle-needed', `"${handle}" is not a handle`)
    }
  }
}

const createFailure = (cause: unknown, { target }: Move): unknown => {
  if (cause instanceof XrpcError && cause.error === 'InvalidInviteCode')
    return moverFailure(cause, 'target', { InvalidInviteCode: 'invite-needed' })
  return moverFailure(cause, 'target', {
    InvalidRequest: target.kind === 'cirrus' ? 'sign-in-needed' : 'target-refused',
    InvalidPassword: 'sign-in-needed',
    InvalidToken: 'token-refused',
    ExpiredToken: 'token-expired',
    '*': target.kind === 'cirrus' ? 'import-refused' : 'target-refused',
  })
}

/** The account at the target, which is created if there is none, and the session with which the move goes on. */
export const account: Step = {
  name: 'account',
  title: 'Account',
  reversible: true,
  needs: ['who', 'preflight'],
  // It signs in each time: no session outlives a run.
  isDone: async () => undefined,
  async run(move) {
    const { target, who, facts, journal } = move
    facts.handle = target.ownHandle ?? journal.state.handle
    if ((await target.state(who.did)) === 'absent') {
      if (facts.rotated)
        throw new MoverError(
          'target-lies',
          `${who.did} names ${target.origin}, which has no account of it, or has lost it`,
          {
            next: 'ask the target’s operator; within 72 hours of the move your recovery key brings the DID back: `pds undo`',
          },
        )
      await createThere(move)
      return done(`${facts.handle ?? who.did} created, deactivated for now`)
    }
    await confirmFound(move)
    await signInThere(move)
    await deactivateFirst(move)
    if (!facts.rotated) await target.makeRoom?.()
    return already('is there already')
  },
}
