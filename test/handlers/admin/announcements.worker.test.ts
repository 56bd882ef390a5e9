/** What the admin announces by hand: emitIdentity, requestCrawl; and who listens: listSubscribers. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answerAsRelays, RELAYS } from '../support/relays.ts'
import { HANDLE, inWorld } from '../support/world.ts'

afterEach(() => vi.restoreAllMocks())

describe('emitIdentity', () => {
  it('announces the identity at any time, also where the directory is down', () =>
    inWorld({}, async ({ admin, did, directory, events, latest }) => {
      const { emitIdentity } = admin.com.cirrus.admin
      const from = latest()
      expect(await emitIdentity()).toEqual({ did, seq: from + 1, handle: HANDLE })
      directory.mode = 'down'
      expect(await emitIdentity()).toMatchObject({
        seq: from + 2,
        handle: HANDLE,
        error: expect.any(String),
      })
      expect(events(from)).toEqual(['identity', 'identity'])
    }))

  it('answers RepoNotFound before there is an account', () =>
    inWorld({ active: false }, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.emitIdentity()).rejects.toMatchObject({ error: 'RepoNotFound' })
    }))
})

describe('requestCrawl', () => {
  it('asks the configured relays, or those that are named, and gives the answer of each', () =>
    inWorld({ relays: RELAYS }, async ({ admin, ...world }) => {
      const { requestCrawl } = admin.com.cirrus.admin
      const { asked, answer } = answerAsRelays(world)
      expect(await requestCrawl()).toEqual({
        hostname: 'cirrus.example.com',
        results: [
          { relay: 'https://one.example.com', ok: true },
          { relay: 'https://two.example.com', ok: true },
        ],
      })
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      answer.status = 403
      const relays = ['https://three.example.com/', 'https://nobody.example.com', 'http://10.0.0.1']
      expect((await requestCrawl({ relays })).results).toMatchObject([
        { relay: 'https://three.example.com', ok: false, error: 'it answered 403 no ?[31mthanks' },
        {
          relay: 'https://nobody.example.com',
          ok: false,
          error: expect.stringContaining('could not be reached'),
        },
        { relay: 'http://10.0.0.1', ok: false, error: expect.stringContaining('not https') },
      ])
      expect(asked).toHaveLength(3)
    }))

  it('answers InvalidRequest to a relay that is not a URL', () =>
    inWorld({}, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.requestCrawl({ relays: ['relay'] })).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
    }))

  it('answers AccountNotActive while the account is deactivated', () =>
    inWorld({ relays: RELAYS }, async ({ admin }) => {
      await admin.com.atproto.server.deactivateAccount()
      await expect(admin.com.cirrus.admin.requestCrawl()).rejects.toMatchObject({
        error: 'AccountNotActive',
      })
    }))
})

describe('listSubscribers', () => {
  it('gives the range of the events that are kept, and nobody while nobody listens', () =>
    inWorld({}, async ({ admin, latest }) => {
      expect(await admin.com.cirrus.admin.listSubscribers()).toEqual({
        oldest: latest() - 2,
        latest: latest(),
        subscribers: [],
      })
    }))
})
