import { endSession } from '../peers/session.ts'
import { MoverError } from '../moverError.ts'
import { moverFailure, ofSource } from '../refusal.ts'
import { type Additions, type BroughtBack, bringBack, keepAdditions } from './additions.ts'
import { type FetchedTree, fetchTree } from './fetchTree.ts'
import { openUndo } from './openUndo.ts'
import { raiseRevision } from './raiseRevision.ts'
import { previewOf, summary } from './showUndo.ts'
import { activateHome, deactivateAway, nullifiedBy, sayKeys, submit } from './undoSteps.ts'
import { agree, awayTree, baseTree, lastLook } from './undoTrees.ts'
import type { Undo, UndoReport, UndoRequest } from './undoTypes.ts'

/** Shows what is undone and what is brought back, and asks. Returns whether records are to be deleted, too. */
const agreeToUndo = async (undo: Undo, additions: Additions | undefined): Promise<boolean> => {
  const { request, found, away, home } = undo
  const lines = additions && away ? summary(additions, away.origin) : []
  for (const text of lines) request.emit({ type: 'step', step: 'additions', text })
  const preview = previewOf(undo)
  if (preview.length > 0) request.emit({ type: 'preview', lines: preview })
  if (found.operation) {
    const shown = preview.map(({ kind, text }) => `${kind}: ${text}`)
    const question = `Have the DID name ${home.origin} again, and bring these back?`
    if (!(await agree(request, 'undo', question, [...lines, ...shown], false)))
      throw new MoverError('not-confirmed', 'the answer was no: nothing was changed')
  }
  if (!additions || additions.deleted === 0) return false
  const question = `${additions.deleted} records of ${home.origin} are not on ${away?.origin ?? 'the other server'}. They were deleted there, or written here since the copy. Delete them here, too?`
  return await agree(request, 'deletions', question)
}

/** What the owner did since everything was brought back is not undone by a later run. */
const wasBroughtBack = async ({ store, found }: Undo): Promise<boolean> =>
  (await store.readLines()).some((line) => line === doneLine(found))

const doneLine = ({ rotation }: Undo['found']): string =>
  JSON.stringify({ type: 'broughtBack', rotation: rotation.entry.cid })

const bringAdditions = async (
  undo: Undo,
  trees: { base: FetchedTree; late: FetchedTree },
  deletions: boolean,
): Promise<BroughtBack> => {
  const { request, did, store, signingKeys, home, away } = undo
  const { deps, emit } = request
  // What came between the first look and the deactivation has blobs, too.
  if (away) await keepAdditions(deps, trees, { client: away.client, did, store })
  const there = await fetchTree(deps, home.client, { did, signingKeys, store, file: 'home-now.car' })
  try {
    const brought = await bringBack(deps, { ...trees, there }, { client: home.client, did, store, deletions })
    emit({
      type: 'step',
      step: 'broughtBack',
      text: `${brought.written} ${brought.written === 1 ? 'record' : 'records'} written to ${home.origin}`,
    })
    for (const { path, why } of brought.failed)
      emit({ type: 'warning', text: `${path} was not brought back: ${why}` })
    return brought
  } catch (cause) {
    throw moverFailure(cause, 'source')
  } finally {
    there.close()
  }
}

/** Throws while the server lacks something that it can be given. */
const verify = async ({ home, request }: Undo): Promise<boolean> => {
  const { client, origin } = home
  const { expectedBlobs, importedBlobs, activated } = await ofSource(
    client.com.atproto.server.checkAccountStatus(),
  )
  const complete = activated && importedBlobs >= expectedBlobs
  if (complete)
    request.emit({
      type: 'step',
      step: 'verified',
      text: `${origin} is active, with all ${expectedBlobs} blobs`,
    })
  else
    request.emit({
      type: 'warning',
      text: `${origin} ${activated ? '' : 'is not active, and '}has ${importedBlobs} of ${expectedBlobs} blobs`,
    })
  return complete
}

/**
 * Undoes the last move of a DID within 72 hours: what was added at the server that the account leaves is fetched and kept,
 * the operation is submitted, the account is activated where it was before and deactivated where it is, and what was added
 * is brought back. It may be repeated after any interruption, also when the DID is back already.
 */
export async function undoMove(request: UndoRequest): Promise<UndoReport> {
  const undo = await openUndo(request)
  const { did, found, store, home, away } = undo
  const { deps } = request
  let release = async () => {}
  const open: (FetchedTree | undefined)[] = []
  try {
    release = await store.lock(async ({ name }) => {
      throw new MoverError('another-mover', `${name} is undoing this move`)
    })
    const base = await baseTree(undo)
    open.push(base)
    let late = (await wasBroughtBack(undo)) ? undefined : await awayTree(undo)
    open.push(late)
    const additions =
      late && away
        ? await keepAdditions(deps, { base, late }, { client: away.client, did, store })
        : undefined
    const deletions = await agreeToUndo(undo, additions)
    const log = await submit(undo)
    const { keys, standing } = sayKeys(log, found.rotation, request)
    await activateHome(undo)
    const deactivated = await deactivateAway(undo)
    let brought: BroughtBack = { written: 0, failed: [], left: [] }
    if (late) {
      late = await lastLook(undo, late)
      open.push(late)
      brought = await bringAdditions(undo, { base, late }, deletions)
      if (brought.failed.length === 0) await store.appendLine(doneLine(found))
    }
    await raiseRevision(undo, late?.rev)
    const complete = await verify(undo)
    return {
      ok: complete && brought.failed.length === 0 && standing.length === 0,
      did,
      left: away?.origin,
      returned: home.origin,
      nullified: nullifiedBy(log, found.rotation),
      keys,
      standingKeys: standing,
      additions,
      written: brought.written,
      failed: brought.failed,
      unchanged: brought.left,
      deactivated,
      kept: store.name,
    }
  } finally {
    for (const tree of new Set(open)) tree?.close()
    await endSession(home.client, deps)
    if (away?.signedIn) await endSession(away.client, deps)
    await release()
  }
}
