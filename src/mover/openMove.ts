import { openJournal, type Journal } from './journal.ts'
import { directoryOf, type Move, type MoveFacts } from './move.ts'
import { MoverError } from './moverError.ts'
import { earlierPdses, resolveWho } from './resolveWho.ts'
import type { MoveEvent } from './moveEvent.ts'
import type { MoveRequest } from './moveRequest.ts'
import type { Target } from './target.ts'
import type { Who } from './who.ts'

/** What is known before any password is asked for. */
export interface Known {
  readonly who: Who
  readonly target: Target
  readonly journal: Journal
  /** The DID names the target already. */
  readonly rotated: boolean
}

/** Throws unless the account is where the caller says: at the PDS that the DID names, or at an entryway. */
const checkOrigin = (request: MoveRequest, who: Who, journal: Journal): void => {
  const { source, target, options = {} } = request
  const { origin } = source
  if (origin === target.origin)
    throw new MoverError('target-is-self', `${origin} is the server that the account moves to`)
  if (origin === undefined || origin === who.pds) return
  if (options.entryway) return
  if (who.pds === target.origin) {
    // After the rotation the DID names the target; the source is one that it named before.
    const before = who.log ? earlierPdses(who.log) : []
    if (before.includes(origin) || journal.state.move?.from === origin || !who.log) return
    throw new MoverError(
      'not-its-pds',
      `${who.did} names ${who.pds} already, and it never named ${origin}${before[0] ? `; before, it named ${before[0]}` : ''}`,
      before[0] ? { next: `run the same command with --from ${before[0]}` } : {},
    )
  }
  throw new MoverError(
    'not-its-pds',
    `${who.did} names ${who.pds ?? 'no PDS'}, and not ${origin}`,
    who.pds === undefined
      ? {}
      : {
          next: `run the same command with --from ${who.pds}; if ${origin} is an entryway of it, add --entryway`,
        },
  )
}

const checkJournal = ({ store, target }: MoveRequest, who: Who, journal: Journal): void => {
  const { move } = journal.state
  if (move && (move.did !== who.did || move.to !== target.origin))
    throw new MoverError(
      'bad-journal',
      `${store.name} has the journal of a move of ${move.did} to ${move.to}, not of ${who.did} to ${target.origin}`,
    )
}

/** Finds out whose account it is, where it is, and what the target says of itself. Nothing secret is asked for or sent. */
export async function findWho(request: MoveRequest): Promise<Known> {
  const { account, source, target, store, deps } = request
  const journal = await openJournal(store, deps.now)
  const who = await resolveWho(account, source.origin, deps)
  checkJournal(request, who, journal)
  checkOrigin(request, who, journal)
  const opened = await target.open(who)
  if (journal.state.move === undefined)
    await journal.append({
      type: 'move',
      did: who.did,
      handle: who.handle,
      from: source.origin ?? who.pds ?? '',
      to: target.origin,
    })
  return { who, target: opened, journal, rotated: who.pds === target.origin }
}

export const newFacts = ({ rotated, journal, target }: Known): MoveFacts => ({
  rotated,
  handle: target.ownHandle ?? journal.state.handle,
  plan: undefined,
  signed: undefined,
  repo: undefined,
  missing: [],
  activated: false,
  activatedBefore: false,
  sourceDeactivated: false,
  left: [],
  fenced: journal.state.fenced,
  submitting: undefined,
})

/** Opens the source, which asks for passwords, and puts the move together. */
export async function openMove(
  request: MoveRequest,
  known: Known,
  emit: (event: MoveEvent) => void,
): Promise<Move> {
  const { owner, store, deps, options = {} } = request
  const { who, target, journal } = known
  const source = await request.source.open(who, target)
  return {
    owner,
    store,
    deps,
    options,
    who,
    source,
    target,
    journal,
    emit,
    directory: directoryOf(deps),
    facts: newFacts(known),
  }
}
