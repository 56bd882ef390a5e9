import { parseCommit, verifyCommit } from '../../repo/commit.ts'
import { error } from '../../xrpc/errors.ts'
import { carOf } from '../repo/carOf.ts'
import { docsLink } from '../../docsLink.ts'
import type { Observation } from '../identity/observeDid.ts'
import { readAccount, type Head, raiseTokensNotBefore, setActive } from '../db/accountRow.ts'
import { didProblem } from './didProblem.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

const requireDidHere = (deps: LifecycleDeps, observation: Observation): void => {
  const problem = didProblem(deps, observation)
  if (problem) throw error('InvalidRequest', `not activated: ${problem}. ${docsLink('did-elsewhere')}`)
}

const commitBytes = ({ blocks }: LifecycleDeps, { root }: Head): Uint8Array => {
  const bytes = blocks.read(root)
  if (!bytes) throw new Error(`the commit ${root} is missing`)
  return bytes
}

const isSignedByUs = async (deps: LifecycleDeps, head: Head): Promise<boolean> =>
  await verifyCommit(parseCommit(commitBytes(deps, head)), deps.signingKey.did)

/** A commit that verifies under the DID's present key, and what is new with it. */
interface Activation {
  head: Head
  car: Uint8Array
  isNewKey: boolean
  /** The session that activates; undefined: the administrator does, or the server itself for a new key. */
  sid: string | undefined
}

/**
 * Stores, announces and journals an activation, or only the new key of an account that is active already. Runs inside a
 * transaction: that of the commit, if one is signed.
 */
const storeAndAnnounce = (deps: LifecycleDeps, { head, car, isNewKey, sid }: Activation): void => {
  const { sql, sequencer, journal, platform, identityWatch, relays, sessions } = deps
  const signingKey = deps.signingKey.did
  const handle = identityWatch.last?.handle ?? deps.handle()
  const row = readAccount(sql)
  const now = platform.now()
  if (isNewKey) {
    journal.append('key-change', { signingKey, rev: head.rev })
    // Tokens of the old key do not verify under the new one. This refuses them even if the old key comes back.
    raiseTokensNotBefore(sql, now)
  }
  if (row.storedState === 'active') {
    if (!isNewKey) return
    // The observation that noticed the new key may have announced it already.
    if (identityWatch.announcedKey() !== signingKey) sequencer.appendIdentity(handle)
    identityWatch.noteAnnounced(handle, signingKey)
    sequencer.appendSync(head.rev, car)
    return
  }
  // Until now, the server that the account comes from could speak for it. No session from that time is trusted.
  if (row.activatedAt === undefined) sessions.endAll('first activation', sid)
  setActive(sql, now)
  sequencer.appendAccount(true)
  sequencer.appendIdentity(handle)
  sequencer.appendSync(head.rev, car)
  identityWatch.noteAnnounced(handle, signingKey)
  relays.askAtOnce()
  journal.append('activate', { rev: head.rev, commit: head.root.toString() })
}

/** Signs a new commit of the same tree: relays accept only a commit that verifies under the DID document's present key. */
const signWithNewKey = async (deps: LifecycleDeps, sid?: string): Promise<void> => {
  await deps.repo.signAgain({
    within: (head, car) => storeAndAnnounce(deps, { head, car, isNewKey: true, sid }),
  })
}

/**
 * Activates the account here, and announces it as `#account`, `#identity`, `#sync`. May be repeated. `sid` is the
 * session that asks: the first activation ends every other one.
 */
export const activate = async (deps: LifecycleDeps, sid?: string): Promise<void> => {
  const { repo, sequencer, identityWatch } = deps
  requireDidHere(deps, await identityWatch.lookUp())
  if (!repo.head()) await repo.create()
  const isAnnounced = await repo.exclusive(async () => {
    const head = repo.requireHead()
    if (!(await isSignedByUs(deps, head))) return false
    // The DID may have moved again while this waited for its turn; a later observation shows that.
    if (identityWatch.last) requireDidHere(deps, identityWatch.last)
    const car = carOf(head.root, [{ cid: head.root, bytes: commitBytes(deps, head) }])
    sequencer.transaction(() => storeAndAnnounce(deps, { head, car, isNewKey: false, sid }))
    return true
  })
  if (!isAnnounced) await signWithNewKey(deps, sid)
}

/**
 * Looks up the DID. If the account is active and the DID names this server with a new signing key, which this server
 * has been given, a commit is signed with it, because relays accept no other.
 */
export const followDid = async (deps: LifecycleDeps): Promise<Observation> => {
  const { identityWatch, repo, sql } = deps
  const observation = await identityWatch.observe()
  if (readAccount(sql).storedState !== 'active' || didProblem(deps, observation)) return observation
  const isSigned = await repo.exclusive(async () => {
    const head = repo.head()
    return !head || (await isSignedByUs(deps, head))
  })
  if (!isSigned) await signWithNewKey(deps)
  return observation
}
