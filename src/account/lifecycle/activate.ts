/** Bringing the account up here, and keeping it under the key that its DID names. */
import { parseCommit, verifyCommit } from '../../repo/commit.ts'
import { error } from '../../xrpc/errors.ts'
import { carOf } from '../repo/commit.ts'
import { docsLink } from '../../docsLink.ts'
import type { Observation } from '../identity/identityWatch.ts'
import { readAccount, type Head, raiseTokensNotBefore, setActive } from '../db/accountRow.ts'
import { lookUp } from '../identity/upstream.ts'
import { didProblem, type LifecycleDeps } from './deps.ts'

const mustBeHere = (deps: LifecycleDeps, observation: Observation): void => {
  const problem = didProblem(deps, observation)
  if (problem) throw error('InvalidRequest', `not activated: ${problem}. ${docsLink('did-elsewhere')}`)
}

const commitBytes = ({ blocks }: LifecycleDeps, { root }: Head): Uint8Array => {
  const bytes = blocks.read(root)
  if (!bytes) throw new Error(`the commit ${root} is missing`)
  return bytes
}

const isSignedByUs = async (deps: LifecycleDeps, head: Head): Promise<boolean> =>
  await verifyCommit(parseCommit(commitBytes(deps, head)), deps.signingKey)

/** Everything about an activation, in the transaction that makes it true. */
const announce = (deps: LifecycleDeps, head: Head, car: Uint8Array, newKey: boolean): void => {
  const { sql, sequencer, journal, platform, signingKey, watch, relays } = deps
  const handle = watch.last?.handle ?? deps.handle
  const row = readAccount(sql)
  const now = platform.now()
  if (newKey) {
    journal.append('key-change', { signingKey, rev: head.rev })
    // What the old key signed is worthless in any case; this says so to a key that comes back.
    raiseTokensNotBefore(sql, now)
  }
  if (row.stored === 'active') {
    if (!newKey) return
    // The observation that noticed the new key has announced it.
    if (watch.announcedKey() !== signingKey) sequencer.identity(handle)
    watch.announced(handle, signingKey)
    sequencer.sync(head.rev, car)
    return
  }
  setActive(sql, now)
  sequencer.account(true)
  sequencer.identity(handle)
  sequencer.sync(head.rev, car)
  watch.announced(handle, signingKey)
  relays.hurry()
  journal.append('activate', { rev: head.rev, commit: head.root.toString() })
}

/** A relay believes only a commit that verifies under the key in the DID document now. */
const resign = async (deps: LifecycleDeps): Promise<void> => {
  await deps.repo.resign({ within: (head, car) => announce(deps, head, car, true) })
}

/** Brings the account up here, announced as account, identity, sync. May be repeated. */
export const activate = async (deps: LifecycleDeps): Promise<void> => {
  const { repo, sequencer, watch } = deps
  mustBeHere(deps, await lookUp(watch))
  if (!repo.head()) await repo.create()
  const announced = await repo.exclusive(async () => {
    const head = repo.load()
    if (!(await isSignedByUs(deps, head))) return false
    // Moved again while this waited for its turn: a later observation knows better.
    if (watch.last) mustBeHere(deps, watch.last)
    const car = carOf(head.root, [{ cid: head.root, bytes: commitBytes(deps, head) }])
    sequencer.transaction(() => announce(deps, head, car, false))
    return true
  })
  if (!announced) await resign(deps)
}

/**
 * Looks where the DID points, and follows it: once it names another signing key, and this server was
 * given that key, a commit under it is signed, for relays believe no other.
 */
export const follow = async (deps: LifecycleDeps): Promise<Observation> => {
  const { watch, repo, sql } = deps
  const observation = await watch.observe()
  if (readAccount(sql).stored !== 'active' || didProblem(deps, observation)) return observation
  const signed = await repo.exclusive(async () => {
    const head = repo.head()
    return !head || (await isSignedByUs(deps, head))
  })
  if (!signed) await resign(deps)
  return observation
}
