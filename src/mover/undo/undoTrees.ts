import { MoverError } from '../moverError.ts'
import { statusOf } from '../peers/passwordSource.ts'
import { isRefusal, moverFailure } from '../refusal.ts'
import { type FetchedTree, fetchTree, openTree, treeProblem } from './fetchTree.ts'
import type { Undo, UndoRequest } from './undoTypes.ts'

/** The base is what the server had before the way back began: a later run goes on from the same. */
export const baseTree = async ({
  request,
  store,
  did,
  signingKeys,
  home,
  found,
}: Undo): Promise<FetchedTree> => {
  const options = { did, signingKeys, store, file: 'home.car' }
  const kept = found.operation ? undefined : await openTree(request.deps, options).catch(() => undefined)
  if (kept) return kept
  try {
    return await fetchTree(request.deps, home.client, options)
  } catch (cause) {
    const problem = treeProblem(cause)
    if (problem === undefined) throw moverFailure(cause, 'source')
    throw new MoverError('source-refused', `the repository on ${home.origin} does not verify: ${problem}`, {
      cause,
    })
  }
}

export const agree = async (
  { owner }: UndoRequest,
  topic: 'withoutAdditions' | 'deletions' | 'undo',
  question: string,
  lines: readonly string[] = [],
  insists = true,
): Promise<boolean> => {
  try {
    return await owner.answer('confirm', { topic, question, lines, insists })
  } catch (cause) {
    if (cause instanceof MoverError && cause.code === 'not-confirmed' && topic === 'deletions') return false
    throw cause
  }
}

/** The tree of the server that the account leaves; undefined if it cannot be had and the owner goes on without it. */
export const awayTree = async ({
  request,
  store,
  did,
  signingKeys,
  away,
}: Undo): Promise<FetchedTree | undefined> => {
  const { deps, emit } = request
  const options = { did, signingKeys, store, file: 'away.car' }
  if (!away) return undefined
  try {
    return await fetchTree(deps, away.client, options)
  } catch (cause) {
    deps.signal.throwIfAborted()
    const kept = await openTree(deps, options).catch(() => undefined)
    if (kept) {
      emit({
        type: 'warning',
        text: `${away.origin} gives nothing out now; what an earlier run has fetched is used`,
      })
      return kept
    }
    const reason = treeProblem(cause) ?? (cause instanceof Error ? cause.message : String(cause))
    const text = `what was written to ${away.origin} since the move cannot be fetched: ${reason}`
    const agreed = await agree(
      request,
      'withoutAdditions',
      'Go back without it? It is lost unless that server gives it out later.',
      [text],
    )
    if (!agreed) throw new MoverError('not-confirmed', `${text}; nothing was changed`)
    return undefined
  }
}

/** What was written between the first look and the deactivation. `before` stays open: the caller closes both. */
export const lastLook = async (undo: Undo, before: FetchedTree): Promise<FetchedTree> => {
  const { away, request, did, store, signingKeys } = undo
  if (!away?.signedIn) return before
  try {
    const { rev } = await statusOf(away.client)
    if (rev === undefined || rev === before.rev) return before
    const options = { did, signingKeys, store, file: 'away-last.car' }
    return await fetchTree(request.deps, away.client, options)
  } catch (cause) {
    request.deps.signal.throwIfAborted()
    if (!isRefusal(cause) && treeProblem(cause) === undefined) throw moverFailure(cause, 'target')
    request.emit({
      type: 'warning',
      text: `${away.origin} does not show what it has now; what was fetched before is brought back`,
    })
    return before
  }
}
