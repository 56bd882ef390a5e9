import { bringLate } from '../copy/bringLate.ts'
import { endLate, findLate, type LateWrite } from '../copy/findLate.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { already, done, type Move, type Outcome, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { insist } from './ask.ts'

const VERBS = { create: 'written', update: 'changed', delete: 'deleted' } as const

const lineOf = ({ action, path }: LateWrite): string => `${path} was ${VERBS[action]}`

const some = (lines: readonly string[]): string =>
  `${lines.slice(0, 20).join('\n  ')}${lines.length > 20 ? `\n  and ${lines.length - 20} more` : ''}`

const leave = ({ facts, emit }: Move, text: string): void => {
  facts.left.push(text)
  emit({ type: 'warning', step: 'lateRecords', code: 'copy-incomplete', text })
}

/** Writes them to the target, after the owner has seen them. */
const bring = async (move: Move, writes: readonly LateWrite[]): Promise<Outcome> => {
  const { owner, source, target, who, journal, facts } = move
  const lines = writes.map(lineOf)
  const agreed = await owner.answer('confirm', {
    topic: 'lateRecords',
    question: `After the copy, on ${source.name}:\n  ${some(lines)}\nDo the same on ${target.origin}?`,
    lines,
    insists: false,
  })
  if (!agreed) {
    leave(move, `late records stay on ${source.name} only, as you have answered: ${some(lines)}`)
    return already('stay behind, as you have answered')
  }
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
    const { source, target, who, store, journal } = move
    const taken = journal.state.repository?.root
    let found: LateWrite[]
    try {
      found = await findLate(copyDepsOf(move, 'lateRecords'), { source, target, who, store, taken })
    } catch (cause) {
      if (!(cause instanceof MoverError)) throw cause
      await goOnWithout(move, cause)
      leave(
        move,
        `whether something was written to ${source.name} after the copy could not be found out: ${cause.message}`,
      )
      return already('could not be looked for')
    }
    for (const { path } of found.filter(({ conflict }) => conflict))
      leave(
        move,
        `${path} was changed on both servers after the copy: ${target.origin} keeps its own, ${source.name} has the other`,
      )
    const writes = found.filter(({ conflict }) => !conflict)
    const outcome = writes.length > 0 ? await bring(move, writes) : already('none')
    await endLate(store)
    return outcome
  },
}
