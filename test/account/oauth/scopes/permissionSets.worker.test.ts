import { beforeEach, describe, expect, test } from 'vitest'
import { createPermissionSets } from '../../../../src/account/oauth/scopes/permissionSets.ts'
import { IdentityError } from '../../../../src/identity/errors.ts'
import { inAccount, type TestAccount } from '../../support/account.ts'

const HOUR = 3600_000
const NSID = 'com.example.authBasic'

const setOf = (...collection: string[]) => ({
  type: 'permission-set' as const,
  permissions: [{ type: 'permission' as const, resource: 'repo', collection }],
})

/** What the network has, and what it was asked for. */
const network = {
  collection: 'com.example.note',
  asked: [] as string[],
  error: undefined as Error | undefined,
}
const fetch = async (nsid: string) => {
  network.asked.push(nsid)
  if (network.error) throw network.error
  return setOf(network.collection)
}
const open = ({ sql, platform }: TestAccount) => createPermissionSets({ sql, platform, fetch })

beforeEach(() => Object.assign(network, { collection: 'com.example.note', asked: [], error: undefined }))

const count = ({ sql }: TestAccount) =>
  sql.first<{ n: number }>('SELECT count(*) AS n FROM permission_set')?.n

const names = ({ sql }: TestAccount) =>
  sql.all<{ nsid: string }>('SELECT nsid FROM permission_set').map(({ nsid }) => nsid)

describe('permission sets', () => {
  test('are fetched once a day, also by an object that starts anew', () =>
    inAccount(async (account) => {
      const sets = open(account)
      expect(await sets.find(NSID)).toEqual(setOf('com.example.note'))
      network.collection = 'com.example.other'
      expect(await sets.find(NSID)).toEqual(setOf('com.example.note'))
      account.clock.now += 23 * HOUR
      expect(await open(account.restart()).find(NSID)).toEqual(setOf('com.example.note'))
      expect(network.asked).toHaveLength(1)
      account.clock.now += HOUR
      expect(await sets.find(NSID)).toEqual(setOf('com.example.other'))
      expect(await open(account.restart()).find(NSID)).toEqual(setOf('com.example.other'))
      expect(network.asked).toHaveLength(2)
      expect(count(account)).toBe(1)
    }))

  test('stay as they were known where they cannot be had again, however long', () =>
    inAccount(async (account) => {
      await open(account).find(NSID)
      network.error = new IdentityError('NotFound', 'it is gone')
      account.clock.now += 1000 * HOUR
      const sets = open(account.restart())
      for (let i = 0; i < 5; i++) expect(await sets.find(NSID)).toEqual(setOf('com.example.note'))
      // Once, and once more after the floor between two tries.
      expect(network.asked).toHaveLength(2)
      account.clock.now += HOUR
      expect(await sets.find(NSID)).toEqual(setOf('com.example.note'))
      expect(network.asked).toHaveLength(3)
    }))

  test('that never were known and cannot be had refuse the scope, and are not asked for again at once', () =>
    inAccount(async (account) => {
      const sets = open(account)
      network.error = new IdentityError('NotFound', '_lexicon.example.com names no DID')
      for (let i = 0; i < 5; i++)
        await expect(sets.find(NSID)).rejects.toMatchObject({
          name: 'OAuthError',
          code: 'invalid_scope',
          message: `the permission set ${NSID} could not be had: _lexicon.example.com names no DID`,
        })
      expect(network.asked).toHaveLength(1)
      expect(count(account)).toBe(0)
      network.error = new Error('a bug')
      await expect(sets.find('com.example.authOther')).rejects.toThrow('a bug')
    }))

  test('are stored up to a hundred in a day for one network and its neighbours, and work without it', () =>
    inAccount(async (account) => {
      const sets = open(account)
      const stored = () => names(account)
      let n = 0
      const askFrom = async (networkOf: (n: number) => string, times: number): Promise<void> => {
        for (let left = times; left > 0; left--) {
          // The other limits count networks one by one: a /48 has 65,536 of them.
          expect(await sets.find(`com.example.auth${n}`, networkOf(n++))).toEqual(setOf('com.example.note'))
        }
      }
      await askFrom((n) => `2001:db8:7:${n.toString(16)}::/64`, 300)
      expect(stored().toSorted()).toEqual(
        Array.from({ length: 100 }, (_, n) => `com.example.auth${n}`).toSorted(),
      )
      await askFrom(() => '192.0.2.7', 1)
      expect(stored()).toContain('com.example.auth300')
      expect(await sets.find('com.example.auth299', '192.0.2.7')).toEqual(setOf('com.example.note'))
      expect(stored()).toContain('com.example.auth299')
      expect(network.asked).toHaveLength(301)
      account.clock.now += 24 * HOUR
      await askFrom((n) => `2001:db8:7:${n.toString(16)}::/64`, 1)
      expect(stored()).toContain('com.example.auth301')
    }))

  test('that many ask for at once are fetched once', () =>
    inAccount(async (account) => {
      const sets = open(account)
      await Promise.all(Array.from({ length: 20 }, () => sets.find(NSID)))
      expect(network.asked).toHaveLength(1)
    }))

  test('of Bluesky are known without a request, and take no row', () =>
    inAccount(async (account) => {
      const { permissions } = await open(account).find('app.bsky.authFullApp')
      expect(permissions.map(({ resource }) => resource)).toEqual(expect.arrayContaining(['rpc', 'repo']))
      expect((await open(account).find('chat.bsky.authFullChatClient')).permissions).not.toHaveLength(0)
      expect(network.asked).toEqual([])
      expect(count(account)).toBe(0)
    }))

  test('of strangers take a hundred rows at most, and those of grants stay', () =>
    inAccount(async (account) => {
      const { sql, clock } = account
      const sets = open(account)
      sql.run(
        `INSERT INTO oauth_grant (id, client_id, detail, scope, expanded, created_at, last_used_at, expires_at)
         VALUES ('a', 'https://app.example/client.json', '{}', ?, '', 0, 0, 0)`,
        `atproto include:${NSID}?aud=did:web:api.example%23x`,
      )
      await sets.find(NSID)
      for (let i = 0; i < 150; i++) await sets.find(`com.example.set${i}`, `network ${i % 50}`)
      expect(count(account)).toBe(100)
      const kept = sql.all<{ nsid: string }>('SELECT nsid FROM permission_set').map(({ nsid }) => nsid)
      expect(kept).toContain(NSID)
      expect(kept).toContain('com.example.set149')
      expect(kept).not.toContain('com.example.set0')
      clock.now += HOUR
      network.asked = []
      await sets.find(NSID)
      expect(network.asked).toEqual([])
    }))

  test('cannot be asked for without end by one network, and what is known already is free', () =>
    inAccount(async (account) => {
      const sets = open(account)
      await sets.find(NSID)
      for (let i = 0; i < 60; i++) await sets.find(`com.example.set${i}`, '192.0.2.1')
      await expect(sets.find('com.example.more', '192.0.2.1')).rejects.toMatchObject({
        code: 'temporarily_unavailable',
        message: expect.stringContaining('too many permission sets that had to be looked up'),
        headers: { 'retry-after': '300' },
      })
      expect(await sets.find(NSID, '192.0.2.1')).toEqual(setOf('com.example.note'))
      expect(await sets.find('com.example.more', '198.51.100.1')).toEqual(setOf('com.example.note'))
    }))
})
