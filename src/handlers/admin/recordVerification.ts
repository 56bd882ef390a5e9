import { retentionStatus } from '../../account/status/retentionStatus.ts'
import type { Handler } from '../context.ts'

export const recordVerification: Handler<'com.cirrus.admin.recordVerification'> = async ({
  account,
  input,
}) => {
  const retention = await account.lifecycle.recordVerification(input)
  return retention ? { retention: retentionStatus(retention) } : {}
}
