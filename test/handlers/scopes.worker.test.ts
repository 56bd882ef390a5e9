/** What the scopes of a migration token open, and what none of them does. */
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/client/index.ts'
import { targeted } from './support/did.ts'
import { inWorld } from './support/world.ts'

type Calls = [string, (client: Client, did: string) => Promise<unknown>][]

/** The calls that a scope opens. */
const OPENS: Record<string, Calls> = {
  'repo:read': [
    ['getRepo', ({ com }, did) => com.atproto.sync.getRepo({ did }).then(({ body }) => body.cancel())],
    ['getLatestCommit', ({ com }, did) => com.atproto.sync.getLatestCommit({ did })],
    ['getRepoStatus', ({ com }, did) => com.atproto.sync.getRepoStatus({ did })],
    ['checkAccountStatus', ({ com }) => com.atproto.server.checkAccountStatus()],
    ['getManifest', ({ com }) => com.cirrus.admin.getManifest()],
  ],
  'blob:read': [
    ['sync.listBlobs', ({ com }, did) => com.atproto.sync.listBlobs({ did })],
    ['admin.listBlobs', ({ com }) => com.cirrus.admin.listBlobs()],
  ],
  'preferences:read': [['getPreferences', ({ app }) => app.bsky.actor.getPreferences()]],
}

const record = { text: 'x', createdAt: '2026-11-22T00:00:00.000Z' }
const collection = 'app.bsky.feed.post'

/** What no scope opens. */
const CLOSED: Calls = [
  ['createRecord', ({ com }, repo) => com.atproto.repo.createRecord({ repo, collection, record })],
  ['putRecord', ({ com }, repo) => com.atproto.repo.putRecord({ repo, collection, record, rkey: 'a' })],
  ['deleteRecord', ({ com }, repo) => com.atproto.repo.deleteRecord({ repo, collection, rkey: 'a' })],
  ['applyWrites', ({ com }, repo) => com.atproto.repo.applyWrites({ repo, writes: [] })],
  ['putPreferences', ({ app }) => app.bsky.actor.putPreferences({ preferences: [] })],
  ['getSession', ({ com }) => com.atproto.server.getSession()],
  ['refreshSession', ({ com }) => com.atproto.server.refreshSession()],
  ['activateAccount', ({ com }) => com.atproto.server.activateAccount()],
  ['createMigrationToken', ({ com }) => com.cirrus.admin.createMigrationToken()],
  ['getStatus', ({ com }) => com.cirrus.admin.getStatus()],
  ['getJournal', ({ com }) => com.cirrus.admin.getJournal()],
  ['revokeMigrationTokens', ({ com }) => com.cirrus.admin.revokeMigrationTokens()],
  ['voidPlcOperation', ({ com }) => com.cirrus.admin.voidPlcOperation()],
  ['submitPlcOperation', ({ com }) => com.atproto.identity.submitPlcOperation({ operation: {} })],
  ['requestPlcOperationSignature', ({ com }) => com.atproto.identity.requestPlcOperationSignature()],
]

const INVALID = { status: 400, error: 'InvalidToken' }

describe('a scope of a migration token', () => {
  it('opens what the table says, active and deactivated alike, and nothing more', () =>
    inWorld({}, async (world) => {
      const expectTable = async (holders: [string, Client][]) => {
        for (const [scope, holder] of holders)
          for (const [owner, calls] of Object.entries(OPENS))
            for (const [name, call] of calls)
              if (owner === scope) await call(holder, world.did)
              else
                await expect(call(holder, world.did), `${name} with ${scope}`).rejects.toMatchObject(INVALID)
      }
      const withScope = async (scope: string): Promise<[string, Client]> => [
        scope,
        world.bearer(await world.mint({ scope: [scope] })),
      ]
      const holders = await Promise.all(Object.keys(OPENS).map(withScope))
      await expectTable(holders)
      await world.admin.com.atproto.server.deactivateAccount()
      await expectTable(holders)
    }))

  it('never opens a write, a session, another token or the status', () =>
    inWorld({}, async (world) => {
      const scope = [
        'repo:read',
        'blob:read',
        'preferences:read',
        'account:create',
        'plc:sign',
        'account:deactivate',
      ]
      const holder = world.bearer(await world.mint({ ...targeted, scope }))
      for (const [name, call] of CLOSED)
        await expect(call(holder, world.did), name).rejects.toMatchObject(INVALID)
    }))
})
