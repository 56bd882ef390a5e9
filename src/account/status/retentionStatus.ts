import type { Retention as RetentionStatus } from '../../generated/types/com/cirrus/admin/getStatus.ts'
import type { Retention } from '../db/retention.ts'

/** The retention lock as lexicons have it. */
export const retentionStatus = ({ pds, until, verified }: Retention): RetentionStatus => ({
  ...(pds !== '' && { pds }),
  until: new Date(until).toISOString(),
  verified,
})
