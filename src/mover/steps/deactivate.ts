import { MoverError } from '../moverError.ts'
import { already, done, type Move, open, type Step } from '../move.ts'
import { assertHeadNamesTarget } from './headNamesTarget.ts'

/** What was left behind and that the owner has not agreed to leave: nothing is deactivated while something is missing. */
const missingUnnamed = ({ facts, journal }: Move): string[] =>
  facts.missing.map(({ cid }) => cid).filter((cid) => !journal.state.leftBehind.has(cid))

/** Whether the owner names what is missing as left behind. An answer that was given beforehand does not cover that. */
const agreesToLeave = async (
  { owner, source, target, facts, journal }: Move,
  missing: readonly string[],
): Promise<boolean> => {
  const unnamed = facts.missing.filter(({ cid }) => missing.includes(cid))
  // These the source has, and another run may bring them: nobody is asked to give them up.
  if (unnamed.some(({ reason }) => reason === 'not-kept' || reason === 'rate-limited')) return false
  const lines = unnamed.map(
    ({ cid, path, side, text }) =>
      `${cid} (of ${path}), ${side === 'source' ? source.name : target.origin}: ${text}`,
  )
  const question = `${missing.length === 1 ? 'A blob is' : `${missing.length} blobs are`} missing on ${target.origin}. Leave ${missing.length === 1 ? 'it' : 'them'} behind, and deactivate the account on ${source.name}?`
  try {
    if (!(await owner.answer('confirm', { topic: 'missing', question, lines, insists: true }))) return false
  } catch (cause) {
    if (cause instanceof MoverError && cause.code === 'not-confirmed') return false
    throw cause
  }
  await journal.append({ type: 'leftBehind', kind: 'blobs', names: missing })
  facts.left.push(...lines)
  facts.missing = facts.missing.filter(({ cid }) => !missing.includes(cid))
  return true
}

const isInactive = async ({ source }: Move): Promise<boolean> => {
  const status = await source.status()
  return status?.active === false
}

const noteDeactivated = async ({ facts, journal }: Move): Promise<void> => {
  facts.sourceDeactivated = true
  if (!journal.state.deactivated) await journal.append({ type: 'deactivated' })
}

/** Deactivates the account at the source, so that it takes no more writes. */
export const deactivate: Step = {
  name: 'deactivate',
  title: 'Source',
  reversible: true,
  needs: ['activate', 'verify'],
  async isDone(move) {
    if (!(await isInactive(move).catch(() => false))) return undefined
    await noteDeactivated(move)
    return `deactivated on ${move.source.name} already`
  },
  async run(move) {
    const { source, owner, emit } = move
    if (source.kind === 'archive') return already('a backup has no server')
    if (!source.deactivate) return already(`stays active on ${source.name}: that was not asked of it`)
    const missing = missingUnnamed(move)
    if (missing.length > 0 && !(await agreesToLeave(move, missing))) {
      emit({
        type: 'warning',
        step: 'deactivate',
        code: 'copy-incomplete',
        text: `${source.name} stays active, because ${missing.length} of its blobs are missing at the target`,
      })
      return open(`stays active on ${source.name}, because something is missing`)
    }
    await assertHeadNamesTarget(move)
    try {
      const agreed = await owner.answer('confirm', {
        topic: 'deactivateSource',
        question: `Deactivate the account on ${source.name}?`,
        lines: [],
        insists: false,
      })
      if (!agreed) return already(`stays active on ${source.name}, as you have answered`)
      await source.deactivate().catch(async (cause: unknown) => {
        // The answer may have been lost.
        if (!(await isInactive(move).catch(() => false))) throw cause
      })
      await noteDeactivated(move)
      return done(`deactivated on ${source.name}`)
    } catch (cause) {
      if (!(cause instanceof MoverError)) throw cause
      emit({
        type: 'warning',
        step: 'deactivate',
        code: cause.code,
        text: `the account on ${source.name} was not deactivated: ${cause.message}`,
      })
      return open(`stays active on ${source.name}`)
    }
  },
}
