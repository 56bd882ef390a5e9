import { done, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { didWebAdvice, needPlan, ROTATED } from './plan.ts'

/** Shows the DID before and after the move, down to its last value. */
export const preview: Step = {
  name: 'preview',
  title: 'Preview',
  reversible: true,
  needs: ['account'],
  isDone: async ({ facts }) => (facts.rotated ? ROTATED : undefined),
  async run(move) {
    const { who, emit } = move
    if (!who.did.startsWith('did:plc:'))
      throw new MoverError(
        'did-elsewhere',
        `everything is copied; ${who.did} still names ${who.pds ?? 'no PDS'}`,
        { next: await didWebAdvice(move) },
      )
    const { preview } = await needPlan(move)
    for (const { kind, text } of preview) emit({ type: 'preview', kind, text })
    return done('the DID before and after the move; nothing is signed yet')
  },
}
