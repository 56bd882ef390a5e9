import { REQUEST_LIMIT } from '../../limits.ts'
import type { Handler } from '../context.ts'

/** One account, of whatever handle: no domain to choose from, and nobody to invite. */
export const describeServer: Handler<'com.atproto.server.describeServer'> = ({ config }) => ({
  did: config.serviceDid,
  availableUserDomains: [],
  inviteCodeRequired: false,
  phoneVerificationRequired: false,
  blobUploadLimit: REQUEST_LIMIT,
  links: {},
  contact: {},
})
