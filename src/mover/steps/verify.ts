import { checkTargetRepo } from '../copy/targetRepo.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { done, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { assertHeadNamesTarget } from './headNamesTarget.ts'

/** Looks at what the target has now, whatever it answered: the tree, and who the DID names. */
export const verify: Step = {
  name: 'verify',
  title: 'Verified',
  reversible: true,
  needs: ['activate'],
  isDone: async () => undefined,
  async run(move) {
    const { target, who, store, facts } = move
    await assertHeadNamesTarget(move)
    if (!facts.repo) return done('the DID names the new server')
    const found = await checkTargetRepo(copyDepsOf(move, 'verify'), target, {
      did: who.did,
      facts: facts.repo,
      store,
    })
    if (found.complete === false)
      throw new MoverError(
        'copy-incomplete',
        `the repository on ${target.origin} is not the one that was copied: ${found.seen}`,
      )
    return done(found.seen)
  },
}
