import { copyPreferences } from '../copy/copyPreferences.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { already, done, type Step } from '../move.ts'

/** Copies the preferences, as far as both servers have any. They never stop a move. */
export const preferences: Step = {
  name: 'preferences',
  title: 'Preferences',
  reversible: true,
  needs: ['account'],
  // After the move, the target's are the ones that the owner changes.
  isDone: async ({ facts }) => (facts.rotated ? 'the DID names the new server already' : undefined),
  async run(move) {
    const { emit, facts, source, target } = move
    const found = await copyPreferences(copyDepsOf(move, 'preferences'), { source, target })
    if (found.outcome === 'none') return already(found.text)
    const left = found.outcome === 'copied' ? found.left : [found.text]
    if (left.length > 0) {
      const text = `preferences were not copied${found.outcome === 'copied' ? ' in full' : ''}: ${left.join('; ')}`
      emit({ type: 'warning', step: 'preferences', code: 'copy-incomplete', text })
      facts.left.push(text)
    }
    return found.outcome === 'copied'
      ? done(`${found.count} ${found.count === 1 ? 'preference' : 'preferences'}`)
      : already('none were copied')
  },
}
