import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import type { Handler } from '../context.ts'

/** This server holds one account with any handle, so there are no user domains and no invite codes. */
export const describeServer: Handler<'com.atproto.server.describeServer'> = ({ config }) => ({
  did: config.serviceDid,
  availableUserDomains: [],
  inviteCodeRequired: false,
  phoneVerificationRequired: false,
  blobUploadLimit: REQUEST_LIMIT_BYTES,
  links: {},
  contact: {},
})
