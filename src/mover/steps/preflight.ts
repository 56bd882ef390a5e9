import { done, type Step } from '../move.ts'

/** What is looked at before anything is changed. */
export const preflight: Step = {
  name: 'preflight',
  title: 'Preflight',
  reversible: true,
  needs: ['who'],
  isDone: async () => undefined,
  async run({ source, target }) {
    const status = await source.status()
    return done(
      `${source.name}${status ? (status.active ? ' is active' : ' is deactivated') : ' is a backup'}, ${target.origin} is ${target.serviceDid}`,
    )
  },
}
