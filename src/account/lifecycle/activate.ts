import { parseTid } from '../../repo/tid.ts'
import { parseCommit, verifyCommit } from '../../repo/commit.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { Observation } from '../identity/observeDid.ts'
import { readAccount, setActive } from '../db/accountRow.ts'
import type { Head } from '../db/head.ts'
import type { SigningKey } from '../../signing/keys.ts'
import { announceNewKey, changeOver, keyInDid, storeNewKey } from './changeKey.ts'
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

const isSignedBy = async (deps: LifecycleDeps, head: Head, { did }: SigningKey): Promise<boolean> =>
  await verifyCommit(parseCommit(commitBytes(deps, head)), did)

/** A commit that verifies under the DID's present key, and what is new with it. */
interface Activation {
  head: Head
  car: Uint8Array
  /** The key, if no commit was signed with it before. */
  newKey: SigningKey | undefined
  /** The session that activates; undefined: the administrator does, or the server itself for a new key. */
  sid: string | undefined
}

/**
 * Stores, announces and journals an activation, or only the new commit of an account that is active already, and its new
 * key. Runs inside the transaction of the commit.
 */
const storeAndAnnounce = (deps: LifecycleDeps, { head, car, newKey, sid }: Activation): void => {
  const { sql, sequencer, journal, platform, identityWatch, relays, sessions } = deps
  const handle = identityWatch.last?.handle ?? deps.handle()
  const row = readAccount(sql)
  if (newKey) storeNewKey(deps, newKey, head.rev)
  if (row.storedState === 'active') {
    if (newKey) announceNewKey(deps, head.rev, car)
    else sequencer.appendSync(head.rev, car)
    return
  }
  // Until now, the server that the account comes from could speak for it. No session from that time is trusted.
  if (row.activatedAt === undefined) sessions.endAll('first activation', { session: sid })
  setActive(sql, platform.now())
  sequencer.appendAccount(true)
  sequencer.appendIdentity(handle)
  sequencer.appendSync(head.rev, car)
  identityWatch.noteAnnounced(handle, deps.signingKey.did)
  relays.askAtOnce()
  journal.append('activate', { rev: head.rev, commit: head.root.toString() })
}

/**
 * Whether the DID has come back since the latest commit: relays may know later revisions then, of the server that it named
 * meanwhile.
 */
const cameBackSince = ({ journal }: LifecycleDeps, { rev }: Head): boolean =>
  journal.hasAny(['moved-back'], Math.floor(parseTid(rev).micros / 1000))

interface SignNowOptions {
  /** Whether the account may be deactivated until now. */
  activates: boolean
  sid?: string | undefined
}

/**
 * Signs a new commit of the same tree: relays accept only a commit that verifies under the DID document's present key,
 * and only a revision above the last one that they know, which another server may have given.
 */
const signNow = async (
  deps: LifecycleDeps,
  key: SigningKey,
  { activates, sid }: SignNowOptions,
): Promise<void> => {
  const { repo, sql, identityWatch } = deps
  const isActive = () => readAccount(sql).storedState === 'active'
  const isSigned = () => isSignedBy(deps, repo.requireHead(), key)
  const cameBack = () => cameBackSince(deps, repo.requireHead())
  if (isActive() && !cameBack() && (await repo.exclusive(isSigned))) return
  let newKey: SigningKey | undefined
  await repo.signAgain({
    signer: key.commitKeypair(deps.did),
    before: async () => {
      // The DID may have moved again while this waited for its turn; a later observation shows that.
      if (identityWatch.last) requireDidHere(deps, identityWatch.last)
      newKey = (await isSigned()) ? undefined : key
      // Another request, or the alarm, may have done it meanwhile; or the account was deactivated.
      return isActive() ? newKey !== undefined || cameBack() : activates
    },
    within: (head, car) => storeAndAnnounce(deps, { head, car, newKey, sid }),
  })
}

/** The key that the DID names, which is one of this server's. */
const requireKey = (deps: LifecycleDeps, observation: Observation): SigningKey => {
  requireDidHere(deps, observation)
  const key = keyInDid(deps, observation)
  if (!key) throw new Error('a DID without our key was taken for ours')
  return key
}

/**
 * Activates the account here, and announces it as `#account`, `#identity`, `#sync`. May be repeated: an account that is
 * active already is signed again only for a new key, or after the DID has come back. `sid` is the session that asks: the first activation ends every
 * other one.
 */
export const activate = async (deps: LifecycleDeps, sid?: string): Promise<void> => {
  const key = requireKey(deps, await deps.identityWatch.lookUp())
  if (!deps.repo.head()) await deps.repo.create()
  await signNow(deps, key, { activates: true, sid })
}

/**
 * Looks up the DID. If the account is active and the DID names this server with a new signing key, which this server
 * has been given, a commit is signed with it, because relays accept no other; and one is signed where the DID has come back,
 * so that relays that know later revisions of another server follow this one again.
 */
export const followDid = async (deps: LifecycleDeps): Promise<Observation> => {
  const { identityWatch, repo, sql, signingKeys } = deps
  const observation = await identityWatch.observe()
  if (readAccount(sql).storedState !== 'active' || didProblem(deps, observation)) return observation
  const key = requireKey(deps, observation)
  if (key.did === signingKeys.next?.did) {
    await changeOver(deps, async () => {})
    return observation
  }
  if (repo.head()) await signNow(deps, key, { activates: false })
  return observation
}
