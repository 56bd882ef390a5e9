import type { Pull as PullAnswer } from '../../generated/types/com/cirrus/admin/getPull.ts'
import type { Pull } from '../../account/import/pull/pulls.ts'
import { isoTime } from '../isoTime.ts'

/** A pull as the lexicon has it. */
export const pullAnswer = ({ detail, size, startedAt, changedAt, ...pull }: Pull): PullAnswer => ({
  ...pull,
  ...detail,
  ...(size !== undefined && { size }),
  startedAt: isoTime(startedAt),
  changedAt: isoTime(changedAt),
})
