import { bringLate } from '../copy/bringLate.ts'
import { endLate, findLate, type LateWrite } from '../copy/findLate.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { already, done, type Move, type Outcome, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { namedSince } from '../resolveWho.ts'
import { insist } from './ask.ts'

const VERBS = { create: 'written', update: 'changed', delete: 'deleted' } as const

const lineOf = ({ action, path, doubt }: LateWrite): string =>
  `${path} was ${doubt === undefined ? VERBS[action] : DOUBTS[doubt]}`

const DOUBTS = {
  older: 'there before the DID named the new server',
  unknown: 'written there, it does not say when',
} as const

const some = (lines: readonly string[]): string =>
  `${lines.slice(0, 20).join('\n  ')}${lines.length > 20 ? `\n  and ${lines.length - 20} more` : ''}`

const leave = ({ facts, emit }: Move, text: string): void => {
  facts.left.push(text)
  emit({ type: 'warning', step: 'lateRecords', code: 'copy-incomplete', text })
}

/** Those of the writes that the owner wants to have at the target. */
const askAbout = async (move: Move, writes: readonly LateWrite[]): Promise<readonly LateWrite[]> => {
  const { owner, source, target } = move
  const lines = writes.map(lineOf)
  const agreed =
    writes.length === 0 ||
    (await owner.answer('confirm', {
      topic: 'lateRecords',
      question: `After the copy, on ${source.name}:\n  ${some(lines)}\nDo the same on ${target.origin}?`,
      lines,
      insists: false,
    }))
  if (agreed) return writes
  leave(move, `late records stay on ${source.name} only, as you have answered: ${some(lines)}`)
  return []
}

/**
 * The same for those that may have been deleted on the target: without what the target took, only the owner knows, so
 * that no answer that was given beforehand brings back what they have deleted, or leaves behind what they have not.
 */
const askAboutDoubtful = async (move: Move, writes: readonly LateWrite[]): Promise<readonly LateWrite[]> => {
  const { owner, source, target } = move
  if (writes.length === 0) return []
  const lines = writes.map(lineOf)
  const agreed = await owner.answer('confirm', {
    topic: 'lateRecords',
    question: `Only on ${source.name}:\n  ${some(lines)}\nWithout the journal of the move nobody can tell whether ${target.origin} never got them, or you have deleted them there since. Write them to ${target.origin}?`,
    lines,
    insists: true,
  })
  if (agreed) return writes
  leave(move, `these records stay on ${source.name} only, as you have answered: ${some(lines)}`)
  return []
}

/** Writes them to the target, after the owner has seen them. */
const bring = async (move: Move, found: readonly LateWrite[]): Promise<Outcome> => {
  const { source, target, who, journal, facts } = move
  const writes = [
    ...(await askAbout(
      move,
      found.filter(({ doubt }) => doubt === undefined),
    )),
    ...(await askAboutDoubtful(
      move,
      found.filter(({ doubt }) => doubt !== undefined),
    )),
  ]
  if (writes.length === 0) return already('stay behind, as you have answered')
  const { brought, failed, missing } = await bringLate(copyDepsOf(move, 'lateRecords'), {
    did: who.did,
    source,
    target,
    writes,
  })
  for (const { uri, problem } of failed)
    leave(move, `${uri} could not be written to ${target.origin}: ${problem}`)
  const unnamed = missing.filter(({ cid }) => !journal.state.leftBehind.has(cid))
  facts.missing = [...facts.missing, ...unnamed]
  return done(`${brought} brought over${failed.length > 0 ? `, ${failed.length} left behind` : ''}`)
}

/** The source does not answer now, and may answer later: only the owner can decide not to look any more. */
const goOnWithout = async ({ owner, source }: Move, cause: MoverError): Promise<void> => {
  if (cause.kind !== 'retry') return
  const text = `${source.name} does not answer (${cause.message}), so nobody knows whether something was written there after the copy`
  await insist(
    { owner },
    { topic: 'sourceGone', question: 'Finish the move without looking?', lines: [text] },
    cause,
  )
}

/**
 * Compares once more when the source takes no more writes, and brings over what was written between the last copy and
 * the deactivation.
 */
export const lateRecords: Step = {
  name: 'lateRecords',
  title: 'Late records',
  reversible: true,
  needs: ['deactivate'],
  // A run before this one may have looked while the source still took writes.
  isDone: async ({ source }) => (source.kind === 'archive' ? 'a backup does not change' : undefined),
  async run(move) {
    const { source, target, who, store, journal, facts } = move
    const options = {
      ...{ source, target, who, store, taken: journal.state.taken },
      rotatedAt: who.log && namedSince(who.log, target.origin),
    }
    let found: Awaited<ReturnType<typeof findLate>>
    try {
      found = await findLate(copyDepsOf(move, 'lateRecords'), options)
    } catch (cause) {
      if (!(cause instanceof MoverError)) throw cause
      await goOnWithout(move, cause)
      leave(
        move,
        `whether something was written to ${source.name} after the copy could not be found out: ${cause.message}`,
      )
      return already('could not be looked for')
    }
    const leftBefore = facts.left.length
    for (const { path } of found.writes.filter(({ conflict }) => conflict))
      leave(
        move,
        `${path} was changed on both servers after the copy: ${target.origin} keeps its own, ${source.name} has the other`,
      )
    const writes = found.writes.filter(({ conflict }) => !conflict)
    const outcome = writes.length > 0 ? await bring(move, writes) : already('none')
    // What was left behind is asked about again; otherwise what comes now is later than this.
    if (facts.left.length > leftBefore) return outcome
    if (journal.state.taken !== found.root) await journal.append({ type: 'caughtUp', root: found.root })
    await endLate(store)
    return outcome
  },
}
