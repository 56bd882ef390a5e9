import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import type { Handler } from '../context.ts'

/** This server holds one account with any handle, so there are no user domains and no invite codes. */
export const describeServer: Handler<'com.atproto.server.describeServer'> = async ({ config, identity }) => ({
  did: config.serviceDid,
  availableUserDomains: [],
  inviteCodeRequired: false,
  phoneVerificationRequired: false,
  blobUploadLimit: REQUEST_LIMIT_BYTES,
  links: {},
  contact: {},
  // Not in the lexicon: which account it is for, as its front page says, so that a mover knows the handle beforehand.
  ...(await identity.ownAccount()),
})
