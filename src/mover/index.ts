/**
 * Moves an account from any PDS to any other.
 *
 * @module
 */
export {
  MOVER_ERRORS,
  MoverError,
  type MoverErrorCode,
  type MoverErrorOptions,
  type StopKind,
} from './moverError.ts'
export type { MoverDeps } from './moverDeps.ts'
export type { Who } from './who.ts'
export type { AccountStatus } from './accountStatus.ts'
export type { SignRequest, Source, SourceOpener } from './source.ts'
export type { AccountState, NewAccount, ServerDescription, Target, TargetOpener } from './target.ts'
export type { MoveOptions, MoveRequest } from './moveRequest.ts'
export type { Confirmation, ConfirmationTopic, Owner, QuestionName, Questions } from './owner.ts'
export type { LockHolder, MoveStore, StoredFile } from './moveStore.ts'
export type { MoveEvent, MoveReport, TransferProgress } from './moveEvent.ts'
export { STEP_NAMES, type StepName } from './stepName.ts'
export { folderStore } from './folderStore.ts'
export { adminSource, adminTarget } from './peers/adminPeers.ts'
export { passwordSource, sessionSource } from './peers/passwordSource.ts'
export { standardTarget } from './peers/standardTarget.ts'
export { tokenSource } from './peers/tokenSource.ts'
export { moveAccount } from './moveAccount.ts'
export { resolveWho } from './resolveWho.ts'
export {
  type RehearsedTarget,
  rehearseTarget,
  type RehearseTargetOptions,
} from './rehearseTarget/rehearseTarget.ts'
export type { Finding, RehearsalDeps } from './rehearseTarget/types.ts'
export { type ArchiveKeys, archiveSource } from './peers/archiveSource.ts'
