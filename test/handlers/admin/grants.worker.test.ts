import { expect, it } from 'vitest'
import { makeGrant } from '../../support/grant.ts'
import { publishConfidentialApp } from '../../oauth/support/app.ts'
import { inWorld, type World } from '../support/world.ts'

const listed = async ({ admin }: World) => (await admin.com.cirrus.admin.listGrants()).grants

it('listGrants shows each app that has access, the one that was used last first, and no code that waits', () =>
  inWorld({}, async (world) => {
    const iso = new Date(world.clock.now).toISOString()
    const { id } = await makeGrant(world.account, 'atproto blob:*/*')
    world.clock.now += 60_000
    const app = await publishConfidentialApp(world)
    await app.code()
    await app.signIn()
    const [latest, first, ...rest] = await listed(world)
    expect(rest).toEqual([])
    expect(latest).toMatchObject({ clientId: app.clientId, clientName: 'An app' })
    expect(first).toEqual({
      id,
      clientId: 'https://app.example/client.json',
      clientName: 'App',
      scope: 'atproto blob:*/*',
      createdAt: iso,
      lastUsedAt: iso,
      expiresAt: new Date(Date.parse(iso) + 14 * 24 * 3600_000).toISOString(),
    })
  }))

it('endGrants ends the one that is named, or all, and the journal says so', () =>
  inWorld({}, async (world) => {
    const { endGrants } = world.admin.com.cirrus.admin
    const [one, two, three] = [
      await makeGrant(world.account),
      await makeGrant(world.account),
      await makeGrant(world.account),
    ]
    expect(await endGrants({ id: one.id })).toEqual({ ended: 1 })
    expect((await listed(world)).map(({ id }) => id).toSorted()).toEqual([two.id, three.id].toSorted())
    expect(await endGrants({ all: true })).toEqual({ ended: 2 })
    expect(await listed(world)).toEqual([])
    expect(world.journal().slice(-2)).toEqual(['end-grants', 'end-grants'])
  }))

it('endGrants answers GrantNotFound for one that has ended, and refuses neither and both of its parameters', () =>
  inWorld({}, async (world) => {
    const { endGrants } = world.admin.com.cirrus.admin
    const { id } = await makeGrant(world.account)
    await endGrants({ id })
    await expect(endGrants({ id })).rejects.toMatchObject({ error: 'GrantNotFound' })
    await expect(endGrants({})).rejects.toMatchObject({ error: 'InvalidRequest' })
    await expect(endGrants({ id, all: true })).rejects.toMatchObject({ error: 'InvalidRequest' })
  }))

it('endSessions with all ends grants and browsers too, and says how many', () =>
  inWorld({}, async (world) => {
    await world.signIn()
    await makeGrant(world.account)
    world.account.oauth.browserSignIns.open({ via: 'password', remember: true, client: undefined })
    expect(await world.admin.com.cirrus.admin.endSessions({ all: true })).toEqual({
      ended: 1,
      grants: 1,
      browsers: 1,
    })
    expect(world.account.oauth.grants.list()).toEqual([])
    expect(world.account.oauth.browserSignIns.list()).toEqual([])
  }))

it('another account password ends every grant, and the browsers that are signed in', () =>
  inWorld({}, async (world) => {
    const app = await publishConfidentialApp(world)
    const { refresh_token } = await app.signIn()
    world.account.oauth.browserSignIns.open({ via: 'password', remember: true, client: undefined })
    await world.restart({ SESSION_SECRET: 'another-secret'.padEnd(64, 'x') })
    expect(world.account.oauth.grants.list()).toEqual([])
    expect(world.account.oauth.browserSignIns.list()).toEqual([])
    expect((await app.refresh(refresh_token)).body.error).toBe('invalid_grant')
  }))

it('the first activation ends every grant', () =>
  inWorld({ active: false }, async (world) => {
    await makeGrant(world.account)
    await world.admin.com.atproto.server.activateAccount()
    expect(world.account.oauth.grants.list()).toEqual([])
  }))

it('a later activation leaves them', () =>
  inWorld({}, async (world) => {
    await makeGrant(world.account)
    await world.admin.com.atproto.server.deactivateAccount({})
    await world.admin.com.atproto.server.activateAccount()
    expect(world.account.oauth.grants.list()).toHaveLength(1)
  }))

it('deleting the account ends every grant, and forgets what waits to be one', () =>
  inWorld({}, async (world) => {
    const app = await publishConfidentialApp(world)
    await app.signIn()
    await app.request()
    await world.admin.com.atproto.server.deactivateAccount({})
    await world.admin.com.cirrus.admin.deleteAccount({ did: world.did })
    for (const table of ['oauth_grant', 'oauth_request'])
      expect(world.account.sql.first(`SELECT 1 FROM ${table}`)).toBeUndefined()
    expect((await app.push()).body).toMatchObject({ error: 'invalid_request' })
  }))
