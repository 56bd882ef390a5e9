import { seenError, unlessRefused } from '../seen.ts'
import { SOURCES, type TargetCheck } from '../types.ts'
import { comes, isKind } from './events.ts'

/** An account must be able to leave again. */
export const deactivateChecks: readonly TargetCheck[] = [
  {
    id: 'deactivateAccount',
    level: 'must',
    expected: 'deactivateAccount works, and getRepoStatus says that the account is deactivated',
    source: SOURCES.account,
    needs: ['activateAccount'],
    async run({ owner, anyone, account }) {
      await owner.com.atproto.server.deactivateAccount({})
      const { active, status } = await anyone.com.atproto.sync.getRepoStatus({ did: account.did })
      if (active) return 'getRepoStatus says that it is active'
      return status === 'deactivated' ? undefined : `its status is ${status ?? 'missing'}`
    },
  },
  {
    id: 'deactivated.reads',
    level: 'must',
    expected: 'the repository of a deactivated account is not given to anyone',
    source: SOURCES.account,
    needs: ['deactivateAccount'],
    run: async ({ anyone, account }) =>
      await unlessRefused(
        anyone.com.atproto.sync.getRepo({ did: account.did }).then(({ body }) => body.cancel()),
      ),
  },
  {
    id: 'deactivated.writes',
    level: 'must',
    expected: 'a deactivated account is not written to',
    source: SOURCES.account,
    needs: ['deactivateAccount'],
    run: async ({ owner, account }) =>
      await unlessRefused(
        owner.com.atproto.repo.createRecord({
          repo: account.did,
          collection: 'app.bsky.feed.post',
          record: { $type: 'app.bsky.feed.post', text: 'late', createdAt: '2026-11-01T00:00:00.000Z' },
        }),
      ),
  },
  {
    id: 'deactivated.signIn',
    level: 'must',
    expected: 'its owner can still sign in, so that it can leave or come back',
    source: SOURCES.account,
    needs: ['deactivateAccount'],
    async run({ anyone, account, newAccount }) {
      try {
        const { password } = newAccount
        const signedIn = await anyone.login({ identifier: account.did, password })
        await signedIn.logout()
        return undefined
      } catch (cause) {
        return seenError(cause)
      }
    },
  },
  {
    id: 'deactivated.readByOwner',
    level: 'should',
    expected: 'its owner can still read the repository, so that the account can move on',
    source: SOURCES.migration,
    needs: ['deactivateAccount'],
    async run({ owner, account }) {
      const { body } = await owner.com.atproto.sync.getRepo({ did: account.did })
      await body.cancel()
      return undefined
    },
  },
  {
    id: 'events.deactivated',
    level: 'must',
    expected: 'an #account event says that the account is deactivated',
    source: SOURCES.sync,
    needs: ['events', 'deactivateAccount'],
    run: async (rehearsal) =>
      (await comes(
        rehearsal,
        (found) =>
          isKind(found, 'account') &&
          Object(found).active === false &&
          Object(found).status === 'deactivated',
      ))
        ? undefined
        : (rehearsal.eventsProblem() ?? 'it did not come'),
  },
]
