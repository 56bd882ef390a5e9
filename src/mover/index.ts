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
export * from './types.ts'
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
