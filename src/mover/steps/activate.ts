import { done, type Step } from '../move.ts'
import { assertHeadNamesTarget } from './headNamesTarget.ts'

/** Activates the account at the target, which the DID names. */
export const activate: Step = {
  name: 'activate',
  title: 'Active',
  reversible: false,
  needs: ['submit', 'catchUp'],
  async isDone({ target, facts }) {
    if (!facts.rotated || !(await target.status()).active) return undefined
    facts.activated = facts.activatedBefore = true
    return `on ${target.origin} already`
  },
  async run(move) {
    const { target, facts } = move
    await assertHeadNamesTarget(move)
    const isFirst = (await target.wasActivated()) === false
    await target.activate().catch(async (cause: unknown) => {
      // The answer may have been lost.
      if (!(await target.status().catch(() => undefined))?.active) throw cause
    })
    facts.activated = true
    return done(
      `on ${target.origin}${isFirst ? '; every session from before has ended; sign in again in your apps' : ''}`,
    )
  },
}
