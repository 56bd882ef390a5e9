import type { Pull as PullAnswer } from '../../generated/types/com/cirrus/admin/getPull.ts'
import type { Pull, Pulls } from '../../account/import/pull/pulls.ts'
import { error } from '../../xrpc/errors.ts'
import { isoTime } from '../isoTime.ts'

/** A pull as the lexicon has it. */
export const pullAnswer = ({ detail, size, startedAt, changedAt, ...pull }: Pull): PullAnswer => ({
  ...pull,
  ...detail,
  ...(size !== undefined && { size }),
  startedAt: isoTime(startedAt),
  changedAt: isoTime(changedAt),
})

/** The pull that was just begun or continued, as the lexicon has it. */
export const latestPull = ({ latest }: Pick<Pulls, 'latest'>): PullAnswer => {
  if (!latest) throw error('InvalidRequest', 'it was cancelled meanwhile')
  return pullAnswer(latest)
}
