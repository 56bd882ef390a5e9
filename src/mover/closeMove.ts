import { directoryOf, type Move } from './move.ts'
import type { StepName } from './stepName.ts'

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * Whether the directory has the operation that was sent to it, as far as that can be found out now. Once the DID names the
 * target, writes to the source would reach nobody: its fence stays, and a Cirrus refuses them by itself.
 */
const mayBeRotated = async ({ facts, who, deps }: Move): Promise<boolean> => {
  const { submitting } = facts
  if (facts.rotated || submitting === undefined) return facts.rotated
  const fetch = deps.signal.aborted && deps.cleanUpFetch ? deps.cleanUpFetch : deps.fetch
  try {
    return (await directoryOf({ ...deps, fetch }).head(who.did)).cid === submitting
  } catch {
    return true
  }
}

/**
 * Lets writes go on at a source that the account did not leave, and ends the sessions that this run opened: also after an
 * interrupt, with the fetch that is kept for it. Nothing fails here; what could not be done is said.
 */
export async function closeMove(move: Move, step: StepName): Promise<void> {
  const { source, target, facts, journal, deps, emit } = move
  const isInterrupted = deps.signal.aborted
  const say = (type: 'note' | 'warning', text: string) =>
    emit(type === 'note' ? { type, step, text } : { type, step, code: 'not-released', text })
  if (isInterrupted) say('note', 'interrupted: what this run has opened is ended')
  const release = async (): Promise<void> => {
    if (!facts.fenced || facts.sourceDeactivated || !source.fence) return
    if (await mayBeRotated(move)) {
      if (isInterrupted)
        say(
          'note',
          `${source.name} takes no writes: the DID ${facts.rotated ? 'names' : 'may name'} the new server by now. Go on with the same command`,
        )
      return
    }
    try {
      await source.fence(false)
      await journal.append({ type: 'fenced', on: false }).catch(() => {})
      if (isInterrupted) say('note', `${source.name} takes writes again`)
    } catch (cause) {
      say(
        'warning',
        `${source.name} may hold writes back, for an hour at most: it could not be told to take them again (${messageOf(cause)}). The same command with --until preflight does it`,
      )
    }
  }
  const end = async (peer: Pick<Move['source'], 'end'>): Promise<void> => {
    for (const text of await peer.end().catch((cause: unknown) => [messageOf(cause)])) say('warning', text)
  }
  await Promise.all([release().then(() => end(source)), end(target)])
}
