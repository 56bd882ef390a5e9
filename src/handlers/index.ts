import { getPreferences } from './actor/getPreferences.ts'
import { putPreferences } from './actor/putPreferences.ts'
import { addRecoveryKey } from './admin/addRecoveryKey.ts'
import { beginRepoUpload } from './admin/beginRepoUpload.ts'
import { cancelPull } from './admin/cancelPull.ts'
import { checkMigration } from './admin/checkMigration.ts'
import { checkRepo } from './admin/checkRepo.ts'
import { createMigrationToken } from './admin/createMigrationToken.ts'
import { createPasskeyLink } from './admin/createPasskeyLink.ts'
import { deleteAccount as adminDeleteAccount } from './admin/deleteAccount.ts'
import { emitIdentity } from './admin/emitIdentity.ts'
import { endGrants } from './admin/endGrants.ts'
import { endSessions } from './admin/endSessions.ts'
import { fenceWrites } from './admin/fenceWrites.ts'
import { getJournal } from './admin/getJournal.ts'
import { getManifest } from './admin/getManifest.ts'
import { getPull } from './admin/getPull.ts'
import { getReach } from './admin/getReach.ts'
import { getStatus } from './admin/getStatus.ts'
import { listBlobs as adminListBlobs } from './admin/listBlobs.ts'
import { listPasskeys } from './admin/listPasskeys.ts'
import { listGrants } from './admin/listGrants.ts'
import { listSessions } from './admin/listSessions.ts'
import { listSubscribers } from './admin/listSubscribers.ts'
import { pullRepo } from './admin/pullRepo.ts'
import { raiseRevFloor } from './admin/raiseRevFloor.ts'
import { recordVerification } from './admin/recordVerification.ts'
import { releaseRetention } from './admin/releaseRetention.ts'
import { removePasskey } from './admin/removePasskey.ts'
import { requestCrawl } from './admin/requestCrawl.ts'
import { resumeRepo } from './admin/resumeRepo.ts'
import { revokeMigrationTokens } from './admin/revokeMigrationTokens.ts'
import { rotateSigningKey } from './admin/rotateSigningKey.ts'
import { setPasswordSignIn } from './admin/setPasswordSignIn.ts'
import { signStatement } from './admin/signStatement.ts'
import { updateDidWeb } from './admin/updateDidWeb.ts'
import { updateHandle as adminUpdateHandle } from './admin/updateHandle.ts'
import { updatePds } from './admin/updatePds.ts'
import { uploadRepoPart } from './admin/uploadRepoPart.ts'
import { voidPlcOperation } from './admin/voidPlcOperation.ts'
import type { Handlers } from './context.ts'
import { getRecommendedDidCredentials } from './identity/getRecommendedDidCredentials.ts'
import { requestPlcOperationSignature } from './identity/requestPlcOperationSignature.ts'
import { resolveHandle } from './identity/resolveHandle.ts'
import { signPlcOperation } from './identity/signPlcOperation.ts'
import { submitPlcOperation } from './identity/submitPlcOperation.ts'
import { updateHandle } from './identity/updateHandle.ts'
import { applyWrites } from './repo/applyWrites.ts'
import { createRecord } from './repo/createRecord.ts'
import { deleteRecord } from './repo/deleteRecord.ts'
import { describeRepo } from './repo/describeRepo.ts'
import { getRecord } from './repo/getRecord.ts'
import { importRepo } from './repo/importRepo.ts'
import { listMissingBlobs } from './repo/listMissingBlobs.ts'
import { listRecords } from './repo/listRecords.ts'
import { putRecord } from './repo/putRecord.ts'
import { uploadBlob } from './repo/uploadBlob.ts'
import { activateAccount } from './server/activateAccount.ts'
import { checkAccountStatus } from './server/checkAccountStatus.ts'
import { confirmEmail } from './server/confirmEmail.ts'
import { createAccount } from './server/createAccount.ts'
import { createAppPassword } from './server/createAppPassword.ts'
import { createSession } from './server/createSession.ts'
import { deactivateAccount } from './server/deactivateAccount.ts'
import { deleteAccount } from './server/deleteAccount.ts'
import { deleteSession } from './server/deleteSession.ts'
import { describeServer } from './server/describeServer.ts'
import { getAccountInviteCodes } from './server/getAccountInviteCodes.ts'
import { getServiceAuth } from './server/getServiceAuth.ts'
import { getSession } from './server/getSession.ts'
import { listAppPasswords } from './server/listAppPasswords.ts'
import { refreshSession } from './server/refreshSession.ts'
import { requestAccountDelete } from './server/requestAccountDelete.ts'
import { requestEmailConfirmation } from './server/requestEmailConfirmation.ts'
import { requestEmailUpdate } from './server/requestEmailUpdate.ts'
import { requestPasswordReset } from './server/requestPasswordReset.ts'
import { reserveSigningKey } from './server/reserveSigningKey.ts'
import { resetPassword } from './server/resetPassword.ts'
import { revokeAppPassword } from './server/revokeAppPassword.ts'
import { updateEmail } from './server/updateEmail.ts'
import { getBlob } from './sync/getBlob.ts'
import { getBlocks } from './sync/getBlocks.ts'
import { getCheckout } from './sync/getCheckout.ts'
import { getHead } from './sync/getHead.ts'
import { getLatestCommit } from './sync/getLatestCommit.ts'
import { getRecord as syncGetRecord } from './sync/getRecord.ts'
import { getRepo } from './sync/getRepo.ts'
import { getRepoStatus } from './sync/getRepoStatus.ts'
import { listBlobs } from './sync/listBlobs.ts'
import { listRepos } from './sync/listRepos.ts'
import { subscribeRepos } from './sync/subscribeRepos.ts'
import { checkSignupQueue } from './temp/checkSignupQueue.ts'

/** The handlers that run in the Worker, without the account's object. */
export const workerHandlers: Handlers<'worker'> = {
  'com.atproto.identity.resolveHandle': resolveHandle,
  'com.atproto.server.deleteAccount': deleteAccount,
  'com.atproto.server.describeServer': describeServer,
  'com.atproto.server.requestPasswordReset': requestPasswordReset,
  'com.atproto.server.resetPassword': resetPassword,
}

/** The handlers that run in the account's Durable Object. */
export const accountHandlers: Handlers<'account'> = {
  'app.bsky.actor.getPreferences': getPreferences,
  'app.bsky.actor.putPreferences': putPreferences,
  'com.atproto.identity.getRecommendedDidCredentials': getRecommendedDidCredentials,
  'com.atproto.identity.requestPlcOperationSignature': requestPlcOperationSignature,
  'com.atproto.identity.signPlcOperation': signPlcOperation,
  'com.atproto.identity.submitPlcOperation': submitPlcOperation,
  'com.atproto.identity.updateHandle': updateHandle,
  'com.atproto.repo.applyWrites': applyWrites,
  'com.atproto.repo.createRecord': createRecord,
  'com.atproto.repo.deleteRecord': deleteRecord,
  'com.atproto.repo.describeRepo': describeRepo,
  'com.atproto.repo.getRecord': getRecord,
  'com.atproto.repo.importRepo': importRepo,
  'com.atproto.repo.listMissingBlobs': listMissingBlobs,
  'com.atproto.repo.listRecords': listRecords,
  'com.atproto.repo.putRecord': putRecord,
  'com.atproto.repo.uploadBlob': uploadBlob,
  'com.atproto.server.activateAccount': activateAccount,
  'com.atproto.server.checkAccountStatus': checkAccountStatus,
  'com.atproto.server.confirmEmail': confirmEmail,
  'com.atproto.server.createAccount': createAccount,
  'com.atproto.server.createAppPassword': createAppPassword,
  'com.atproto.server.createSession': createSession,
  'com.atproto.server.deactivateAccount': deactivateAccount,
  'com.atproto.server.deleteSession': deleteSession,
  'com.atproto.server.getAccountInviteCodes': getAccountInviteCodes,
  'com.atproto.server.getServiceAuth': getServiceAuth,
  'com.atproto.server.getSession': getSession,
  'com.atproto.server.listAppPasswords': listAppPasswords,
  'com.atproto.server.refreshSession': refreshSession,
  'com.atproto.server.requestAccountDelete': requestAccountDelete,
  'com.atproto.server.requestEmailConfirmation': requestEmailConfirmation,
  'com.atproto.server.requestEmailUpdate': requestEmailUpdate,
  'com.atproto.server.reserveSigningKey': reserveSigningKey,
  'com.atproto.server.revokeAppPassword': revokeAppPassword,
  'com.atproto.server.updateEmail': updateEmail,
  'com.atproto.sync.getBlob': getBlob,
  'com.atproto.sync.getBlocks': getBlocks,
  'com.atproto.sync.getCheckout': getCheckout,
  'com.atproto.sync.getHead': getHead,
  'com.atproto.sync.getLatestCommit': getLatestCommit,
  'com.atproto.sync.getRecord': syncGetRecord,
  'com.atproto.sync.getRepo': getRepo,
  'com.atproto.sync.getRepoStatus': getRepoStatus,
  'com.atproto.sync.listBlobs': listBlobs,
  'com.atproto.sync.listRepos': listRepos,
  'com.atproto.sync.subscribeRepos': subscribeRepos,
  'com.atproto.temp.checkSignupQueue': checkSignupQueue,
  'com.cirrus.admin.addRecoveryKey': addRecoveryKey,
  'com.cirrus.admin.beginRepoUpload': beginRepoUpload,
  'com.cirrus.admin.cancelPull': cancelPull,
  'com.cirrus.admin.checkMigration': checkMigration,
  'com.cirrus.admin.checkRepo': checkRepo,
  'com.cirrus.admin.createMigrationToken': createMigrationToken,
  'com.cirrus.admin.createPasskeyLink': createPasskeyLink,
  'com.cirrus.admin.deleteAccount': adminDeleteAccount,
  'com.cirrus.admin.emitIdentity': emitIdentity,
  'com.cirrus.admin.endGrants': endGrants,
  'com.cirrus.admin.endSessions': endSessions,
  'com.cirrus.admin.fenceWrites': fenceWrites,
  'com.cirrus.admin.getJournal': getJournal,
  'com.cirrus.admin.getManifest': getManifest,
  'com.cirrus.admin.getPull': getPull,
  'com.cirrus.admin.getReach': getReach,
  'com.cirrus.admin.getStatus': getStatus,
  'com.cirrus.admin.listBlobs': adminListBlobs,
  'com.cirrus.admin.listPasskeys': listPasskeys,
  'com.cirrus.admin.listGrants': listGrants,
  'com.cirrus.admin.listSessions': listSessions,
  'com.cirrus.admin.listSubscribers': listSubscribers,
  'com.cirrus.admin.pullRepo': pullRepo,
  'com.cirrus.admin.raiseRevFloor': raiseRevFloor,
  'com.cirrus.admin.recordVerification': recordVerification,
  'com.cirrus.admin.releaseRetention': releaseRetention,
  'com.cirrus.admin.removePasskey': removePasskey,
  'com.cirrus.admin.requestCrawl': requestCrawl,
  'com.cirrus.admin.resumeRepo': resumeRepo,
  'com.cirrus.admin.revokeMigrationTokens': revokeMigrationTokens,
  'com.cirrus.admin.rotateSigningKey': rotateSigningKey,
  'com.cirrus.admin.setPasswordSignIn': setPasswordSignIn,
  'com.cirrus.admin.signStatement': signStatement,
  'com.cirrus.admin.updateDidWeb': updateDidWeb,
  'com.cirrus.admin.updateHandle': adminUpdateHandle,
  'com.cirrus.admin.updatePds': updatePds,
  'com.cirrus.admin.uploadRepoPart': uploadRepoPart,
  'com.cirrus.admin.voidPlcOperation': voidPlcOperation,
}
