import { describe, expect, it } from 'vitest'
import { post } from '../support/calls.ts'
import { ADMIN_PASSWORD, HANDLE, inWorld, ORIGIN } from '../support/world.ts'

describe('getStatus', () => {
  it('shows everything, and no secret', () =>
    inWorld({}, async ({ admin, did, directory, key, recovery, ...world }) => {
      const owner = await world.signIn()
      await post(owner, did)
      const status = await admin.com.cirrus.admin.getStatus()
      const { cid, rev } = await world.head()
      expect(status).toMatchObject({
        did,
        handle: HANDLE,
        active: true,
        state: 'active',
        identity: {
          pds: ORIGIN,
          signingKey: key.did,
          rotationKeys: [recovery.did, key.did],
          head: directory.head(did).cid,
          movedAway: false,
          recoverable: true,
        },
        repo: { rev, commit: cid, records: 1 },
        blobs: { expected: 0, stored: 0 },
        unsubmitted: [],
        warnings: [],
      })
      expect(status.journal.map(({ event }) => event)).toEqual(['sign-in', 'activate'])
      expect(status.next).toContain('nothing to do')
      expect(JSON.stringify(status)).not.toContain(ADMIN_PASSWORD)
    }))

  it('says when the network cannot be asked, and shows the rest', () =>
    inWorld({}, async ({ admin, directory, head }) => {
      directory.mode = 'down'
      const { identity, repo, next } = await admin.com.cirrus.admin.getStatus()
      expect(identity.error).toContain('not available')
      expect(repo.rev).toBe((await head()).rev)
      expect(next).toContain('`pds status`')
    }))
})

describe('the warnings', () => {
  it('say for a day that the firehose was full', () =>
    inWorld({}, async ({ account, admin, clock }) => {
      account.sql.transaction(() =>
        account.journal.append('firehose-full', { why: 'x', network: '192.0.2.1' }),
      )
      const [warning] = (await admin.com.cirrus.admin.getStatus()).warnings ?? []
      expect(warning?.name).toBe('firehose-full')
      clock.now += 25 * 3600_000
      expect((await admin.com.cirrus.admin.getStatus()).warnings).toEqual([])
    }))
})

describe('getJournal', () => {
  it('pages from the newest entry to the oldest, and refuses a cursor that it did not give', () =>
    inWorld({}, async ({ admin, mint }) => {
      for (let i = 0; i < 3; i++) await mint({ scope: ['repo:read'] })
      const { getJournal } = admin.com.cirrus.admin
      const one = await getJournal({ limit: 3 })
      expect(one.entries.map(({ n }) => n)).toEqual([4, 3, 2])
      const two = await getJournal({ limit: 3, cursor: one.cursor })
      expect(two.entries.map(({ event }) => event)).toEqual(['activate'])
      expect(two.cursor).toBeUndefined()
      await expect(getJournal({ cursor: 'x' })).rejects.toMatchObject({ error: 'InvalidRequest' })
    }))
})
