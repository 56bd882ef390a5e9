import { type Client, type Output, pages } from '../../client/index.ts'
import { isObject } from '../../isObject.ts'
import { pullRepo } from '../copy/pullRepo.ts'
import { ofSource, ofTarget } from '../refusal.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { SourceOpener } from '../source.ts'
import type { Target, TargetOpener } from '../target.ts'
import { cirrusAttestor } from '../proof/attest.ts'
import { FENCE_MINUTES } from './passwordSource.ts'
import { recommendedData } from './plcData.ts'
import { forCleanUp } from './session.ts'
import { openStandardTarget } from './standardTarget.ts'
import { openTokenSource, type TokenSupply } from './tokenSource.ts'

const SCOPES = [
  'repo:read',
  'blob:read',
  'preferences:read',
  'account:create',
  'plc:sign',
  'account:deactivate',
]

type Entry = Output<'com.cirrus.admin.getJournal'>['entries'][number]

/** What is found in the entries of its journal. */
const journalOf = async <T>(
  admin: Client,
  answer: typeof ofSource,
  find: (entry: Entry) => T | undefined,
): Promise<T[]> => {
  const found: T[] = []
  const journal = pages((page) => answer(admin.com.cirrus.admin.getJournal({ limit: 1000, ...page })))
  for await (const { entries } of journal)
    found.push(...entries.map(find).filter((each): each is NonNullable<typeof each> => each !== undefined))
  return found
}

/**
 * A Cirrus as the source, with its admin password: the migration tokens are minted as they are needed, and nothing is
 * asked for.
 */
export const adminSource = ({ admin, deps }: { admin: Client; deps: MoverDeps }): SourceOpener => ({
  origin: admin.origin,
  async open(who, target) {
    const next: TokenSupply['next'] = async ({ needs }) => {
      const scope = SCOPES.filter((name) => name !== 'plc:sign' || needs.includes(name))
      const request = { target: target.origin, audience: target.serviceDid, scope }
      return (await ofSource(admin.com.cirrus.admin.createMigrationToken(request))).token
    }
    const recommendedKeys = async () =>
      (await ofSource(admin.com.atproto.identity.getRecommendedDidCredentials())).rotationKeys
    const supply: TokenSupply = {
      next,
      async namedKeys() {
        return (await recommendedKeys())?.slice(-1)
      },
      deactivate: () => ofSource(admin.com.atproto.server.deactivateAccount({})),
      async fence(on) {
        const { com } = on ? admin : forCleanUp(admin, deps)
        await ofSource(com.cirrus.admin.fenceWrites({ minutes: on ? FENCE_MINUTES : 0 }))
      },
    }
    const source = await openTokenSource(supply, { origin: admin.origin, who, target, deps })
    // The recovery keys that it is set up with come before its own; others were put into the DID by its admin.
    const ownerKeys = async () => {
      const added = await journalOf(admin, ofSource, ({ event, detail }) =>
        event === 'recovery-key' && isObject(detail) && typeof detail['key'] === 'string'
          ? detail['key']
          : undefined,
      )
      return [...((await recommendedKeys())?.slice(0, -1) ?? []), ...added]
    }
    return { ...source, ownerKeys, attestor: cirrusAttestor(admin) }
  },
})

/** A Cirrus as the target, with its admin password: what only its admin may ask is known. */
export const adminTarget = (options: {
  admin: Client
  owner: Owner
  deps: MoverDeps
  /** Ends the retention lock, if the owner wants that. */
  makeRoom?: () => Promise<void>
}): TargetOpener => ({
  origin: options.admin.origin,
  async open() {
    const { admin } = options
    const base = await openStandardTarget(admin.origin, options)
    const getStatus = () => ofTarget(admin.com.cirrus.admin.getStatus())
    const { handle } = await getStatus()
    const state: Target['state'] = async () => {
      const { state: found, active } = await getStatus()
      if (found === 'absent') return 'absent'
      return active ? 'active' : 'inactive'
    }
    return {
      ...base,
      kind: 'cirrus',
      ownHandle: handle,
      hasPassword: true,
      get client() {
        return base.client
      },
      state,
      async wasActivated() {
        if ((await state('')) !== 'inactive') return true
        const activations = await journalOf(admin, ofTarget, ({ event }) => event === 'activate' || undefined)
        return activations.length > 0
      },
      ...(options.makeRoom ? { makeRoom: options.makeRoom } : {}),
      pull: (copy, pulled) => pullRepo(copy, admin, pulled),
      recommended: () => recommendedData(admin),
      deactivate: () => ofTarget(admin.com.atproto.server.deactivateAccount({})),
      async isComplete() {
        const { blobs } = await getStatus()
        return blobs.stored >= blobs.expected
      },
    }
  },
})
