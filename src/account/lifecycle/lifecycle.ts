import type { TokenPair } from '../auth/sessions/sessions.ts'
import type { Observation } from '../identity/observeDid.ts'
import { activate, followDid } from './activate.ts'
import { addRecoveryKey, type AddedRecoveryKey, type AddRecoveryKeyOptions } from './addRecoveryKey.ts'
import { create, type CreateInput } from './create.ts'
import { deleteAccount } from './deleteAccount.ts'
import { deactivate, type DeactivateOptions } from './deactivate.ts'
import { didProblem } from './didProblem.ts'
import { emitIdentity, type EmittedIdentity } from './emitIdentity.ts'
import { fenceWrites, type FenceOptions } from './fence.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'
import { updatePds, type UpdatedPds, type UpdatePdsOptions } from './updatePds.ts'
import { raiseRevFloor } from './raiseRevFloor.ts'
import type { Retention } from '../db/retention.ts'
import { assertNotRetained, recordVerification, releaseRetention, type Verification } from './retention.ts'
import { rotateKey, type RotatedKey, type RotateKeyOptions } from './rotateKey.ts'
import { updateDidWeb, type UpdatedDidWeb, type UpdateDidWebOptions } from './updateDidWeb.ts'
import { updateHandle, type UpdatedHandle, type UpdateHandleOptions } from './updateHandle.ts'

/** How the account is created, activated, deactivated and deleted here. Only `delete` deletes anything. */
export interface Lifecycle {
  /** Prepares an account that moves in: an empty repository, deactivated. `tokenId` names the token that asks. */
  create(input: CreateInput, tokenId: string): Promise<TokenPair>
  /**
   * Activates the account here. May be repeated. The first activation ends every session but `sid`, the one that asks;
   * undefined: the administrator asks.
   */
  activate(sid?: string): Promise<void>
  /** Refuses writes until the time that it returns, in milliseconds; undefined: the fence is lifted. May be repeated. */
  fenceWrites(options: FenceOptions): number | undefined
  /** Takes the account out of service here. May be repeated. */
  deactivate(options: DeactivateOptions): Promise<void>
  /** Looks up the DID; if it names a new signing key, and this server has that key, signs a commit with it. */
  followDid(): Promise<Observation>
  /** Tells the network to look the DID up again. */
  emitIdentity(): Promise<EmittedIdentity>
  /** Has the did.json that this host serves name another PDS, or this one again. May be repeated. */
  updateDidWeb(options: UpdateDidWebOptions): Promise<UpdatedDidWeb>
  /** Gives the account another handle, which must resolve to it. May be repeated. */
  updateHandle(handle: string, options: UpdateHandleOptions): Promise<UpdatedHandle>
  /** Has the DID name this server by its present address. May be repeated. */
  updatePds(options: UpdatePdsOptions): Promise<UpdatedPds>
  /** Puts a recovery key of the owner above every other rotation key of the DID. May be repeated. */
  addRecoveryKey(key: string, options: AddRecoveryKeyOptions): Promise<AddedRecoveryKey>
  /** Puts NEXT_SIGNING_KEY in use. May be repeated. */
  rotateKey(options: RotateKeyOptions): Promise<RotatedKey>
  /** Whether the DID names this server and its signing key; false if that cannot be found out now. */
  isDidValid(): Promise<boolean>
  /** Has every revision from now on be above this one. Returns the highest that was ever given. May be repeated. */
  raiseRevFloor(rev: string): string
  /** Records that everything is on the PDS that the DID names. Returns the retention lock, if it still holds. */
  recordVerification(verification: Verification): Promise<Retention | undefined>
  /** Ends the retention lock, for an owner who types the account's handle. May be repeated. */
  releaseRetention(confirmHandle: string): void
  /** Throws while the retention lock holds. */
  assertNotRetained(): void
  /**
   * Deletes the account here, for ever. Whether everything is erased by now. While the retention lock holds it needs the
   * account's handle, typed by its owner. May be repeated.
   */
  delete(confirmHandle?: string): Promise<boolean>
}

export const createLifecycle = (deps: LifecycleDeps): Lifecycle => ({
  create: (input, tokenId) => create(deps, input, tokenId),
  activate: (sid) => activate(deps, sid),
  deactivate: (options) => deactivate(deps, options),
  fenceWrites: (options) => fenceWrites(deps, options),
  raiseRevFloor: (rev) => raiseRevFloor(deps, rev),
  recordVerification: (verification) => recordVerification(deps, verification),
  releaseRetention: (confirmHandle) => releaseRetention(deps, confirmHandle),
  assertNotRetained: () => assertNotRetained(deps),
  delete: (confirmHandle) => deleteAccount(deps, confirmHandle),
  followDid: () => followDid(deps),
  emitIdentity: () => emitIdentity(deps),
  updateDidWeb: (options) => updateDidWeb(deps, options),
  updateHandle: (handle, options) => updateHandle(deps, handle, options),
  updatePds: (options) => updatePds(deps, options),
  addRecoveryKey: (key, options) => addRecoveryKey(deps, key, options),
  rotateKey: (options) => rotateKey(deps, options),
  isDidValid: async () => {
    const observation = await deps.identityWatch.glance()
    return observation !== undefined && didProblem(deps, observation) === undefined
  },
})
