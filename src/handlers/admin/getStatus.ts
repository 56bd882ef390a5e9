import { readStatus } from '../../account/status/readStatus.ts'
import type { Handler } from '../context.ts'

export const getStatus: Handler<'com.cirrus.admin.getStatus'> = ({ account }) =>
  readStatus({ ...account, signingKey: account.signingKey.did, rotationKey: account.rotationKey.did })
