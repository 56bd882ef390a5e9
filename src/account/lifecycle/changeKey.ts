import { fault } from '../../fault.ts'
import type { SigningKey } from '../../signing/keys.ts'
import type { Observation } from '../identity/observeDid.ts'
import { raiseTokensNotBefore, readAccount } from '../db/accountRow.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/** The key that this server has and the DID names: the one in use, or the one that waits. */
export const keyInDid = (
  { signingKeys }: Pick<LifecycleDeps, 'signingKeys'>,
  { signingKey }: Pick<Observation, 'signingKey'>,
): SigningKey | undefined =>
  [signingKeys.inUse, signingKeys.next].find((key) => key !== undefined && key.did === signingKey)

/** Journals a new key, and ends what the old one has signed. Runs inside the transaction of its first commit. */
export const storeNewKey = (
  { sql, journal, platform, signingKeys }: LifecycleDeps,
  key: SigningKey,
  rev: string,
): void => {
  const { did } = key
  signingKeys.use(key)
  journal.append('key-change', { signingKey: did, rev })
  // Tokens of the old key do not verify under the new one. This refuses them even if the old key comes back.
  raiseTokensNotBefore(sql, platform.now())
}

/** Announces the key of an active account, and the commit that it signed. */
export const announceNewKey = (deps: LifecycleDeps, rev: string, car: Uint8Array): void => {
  const { sequencer, identityWatch, signingKey } = deps
  const handle = identityWatch.last?.handle ?? deps.handle()
  // The observation that noticed the new key may have announced it already.
  if (identityWatch.announcedKey() !== signingKey.did) sequencer.appendIdentity(handle)
  identityWatch.noteAnnounced(handle, signingKey.did)
  sequencer.appendSync(rev, car)
}

/**
 * Changes over to the key that waits, in one transaction with the commit that it signs: nothing is signed with the old
 * key after `before`, which has the DID name the new one. Only while the account is active.
 */
export const changeOver = async (deps: LifecycleDeps, before: () => Promise<void>): Promise<void> => {
  const { repo, sql, signingKeys } = deps
  const key = signingKeys.next
  if (!key) return
  await repo.signAgain({
    signer: key.commitKeypair(deps.did),
    before: async () => {
      // Another request, or the alarm, may have done it while this waited for its turn.
      if (signingKeys.next?.did !== key.did || readAccount(sql).storedState !== 'active') return false
      await before()
      fault('changeKey.beforeTransaction')
      return true
    },
    within: ({ rev }, car) => {
      storeNewKey(deps, key, rev)
      fault('changeKey.afterKey')
      announceNewKey(deps, rev, car)
    },
  })
  fault('changeKey.afterTransaction')
}
