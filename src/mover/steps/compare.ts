import { compareSigned } from '../identity/compareSigned.ts'
import { done, headOf, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { insist } from './ask.ts'
import { needPlan, ROTATED } from './plan.ts'

/** Compares what the source signed with what the owner agreed to: nothing else is submitted without a question. */
export const compare: Step = {
  name: 'compare',
  title: 'Compared',
  reversible: true,
  needs: ['sign'],
  isDone: async ({ facts }) => (facts.rotated ? ROTATED : undefined),
  async run(move) {
    const { source, owner, journal, facts, target, emit } = move
    const head = await headOf(move)
    const plan = await needPlan(move)
    const discard = async (cause: unknown): Promise<never> => {
      await journal.append({ type: 'discarded' })
      throw cause
    }
    const wanted = await target.recommended()
    const { operation, differences, signer } = await compareSigned(facts.signed ?? journal.state.signed, {
      // What the owner signed here shows nothing of a server's keys.
      plan: source.kind === 'archive' ? { ...plan, dropped: [], roles: [] } : plan,
      keysBefore: head.data.rotationKeys,
      ours: wanted.rotationKeys,
    }).catch(discard)
    if (differences.length > 0) {
      const next = `read the differences; if you did not expect them, ${source.kind === 'cirrus' ? `run \`pds identity --void\` on ${source.name}, which makes the operation worthless` : `have a key of yours sign another operation, which makes this one worthless`}, and have it sign nothing else`
      emit({
        type: 'warning',
        step: 'compare',
        code: 'operation-differs',
        text: `${source.name} signed something else than what was agreed on. Compared with it:\n${differences.map((line) => `  ${line}`).join('\n')}\nIf you did not expect this, answer no, and ${source.kind === 'cirrus' ? 'run `pds identity --void` there' : 'have it sign nothing else'}.`,
      })
      const refused = new MoverError(
        'operation-differs',
        `the operation that ${source.name} signed differs from the one that was agreed on, and was not submitted: ${differences.join('; ')}`,
        { next },
      )
      const question = 'Submit the operation with these differences?'
      await insist({ owner }, { topic: 'differences', question, lines: differences }, refused).catch(discard)
    }
    facts.signed = operation
    if (
      source.kind !== 'archive' &&
      operation.rotationKeys.includes(signer) &&
      !wanted.rotationKeys.includes(signer)
    )
      emit({
        type: 'warning',
        step: 'compare',
        code: 'keys',
        text: `${source.name} signed with the rotation key ${signer}, which the DID still has: it can go on changing the DID until an operation drops that key.`,
      })
    return done(differences.length > 0 ? 'with the differences that you agreed to' : 'nothing differs')
  },
}
