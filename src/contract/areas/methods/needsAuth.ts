import type { Method } from '../../lexicon/lexiconSet.ts'

/** Methods that act for the account of the caller, or tell what only its owner may know. */
const OF_THE_OWNER: ReadonlySet<string> = new Set([
  'app.bsky.actor.getPreferences',
  'app.bsky.actor.putPreferences',
  'com.atproto.identity.getRecommendedDidCredentials',
  'com.atproto.identity.requestPlcOperationSignature',
  'com.atproto.identity.signPlcOperation',
  'com.atproto.identity.submitPlcOperation',
  'com.atproto.identity.updateHandle',
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.createRecord',
  'com.atproto.repo.deleteRecord',
  'com.atproto.repo.importRepo',
  'com.atproto.repo.listMissingBlobs',
  'com.atproto.repo.putRecord',
  'com.atproto.repo.uploadBlob',
  'com.atproto.server.activateAccount',
  'com.atproto.server.checkAccountStatus',
  'com.atproto.server.createAppPassword',
  'com.atproto.server.deactivateAccount',
  'com.atproto.server.deleteSession',
  'com.atproto.server.getAccountInviteCodes',
  'com.atproto.server.getServiceAuth',
  'com.atproto.server.getSession',
  'com.atproto.server.listAppPasswords',
  'com.atproto.server.refreshSession',
  'com.atproto.server.requestAccountDelete',
  'com.atproto.server.requestEmailConfirmation',
  'com.atproto.server.requestEmailUpdate',
  'com.atproto.server.revokeAppPassword',
  'com.atproto.server.updateEmail',
])

/** Whether the lexicon says so: documents have no other place for it. */
export const isDescribedAsPrivate = ({ description }: Method): boolean =>
  !isDescribedAsPublic(description) && /\brequires auth|\brequires a valid auth/i.test(description)

export const isDescribedAsPublic = (description: string): boolean =>
  /\bdoes not require auth/i.test(description)

/** Whether a method may not be called without a credential. */
export const needsAuth = (method: Method): boolean =>
  OF_THE_OWNER.has(method.id) || isDescribedAsPrivate(method)
