/** A did:web account leaves by the document that its old host serves, and comes back by it. */
import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { failure } from '../support/calls.ts'
import { DIED, killAt } from '../support/faults.ts'
import { newKey } from '../support/keys.ts'
import { HANDLE, inWorld, ORIGIN, SERVICE, TARGET, type World } from '../support/world.ts'

afterEach(() => onFault(undefined))

const documentOf = ({ account }: World) => account.identity.ownDocument()
const servesAs = (pds: string, key: string, handle = HANDLE) => ({
  id: SERVICE,
  alsoKnownAs: [`at://${handle}`],
  verificationMethod: [{ id: `${SERVICE}#atproto`, publicKeyMultibase: key.slice('did:key:'.length) }],
  service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pds }],
})

describe('updateDidWeb', () => {
  it('has did.json name the new PDS, and the account has moved; back again, and it has not', () =>
    inWorld({ didWeb: true }, async (world) => {
      const { admin, account, client } = world
      const there = await newKey()
      const { updateDidWeb } = admin.com.cirrus.admin
      const after = servesAs(TARGET, there.did)
      const before = servesAs(ORIGIN, world.key.did)
      const request = { pds: `${TARGET}/`, signingKey: there.did }
      expect(await updateDidWeb({ ...request, preview: true })).toMatchObject({ before, after })
      expect(await documentOf(world)).toMatchObject(before)
      const since = world.latest()
      expect(await updateDidWeb(request)).toMatchObject({ before, after })
      expect(await documentOf(world)).toMatchObject(after)
      expect(account.state()).toBe('moved')
      expect(world.events(since)).toEqual(['identity'])
      const status = await admin.com.cirrus.admin.getStatus()
      expect(status).toMatchObject({
        didDocument: { pds: TARGET, signingKey: there.did },
        identity: { pds: TARGET, movedAway: true },
      })
      expect(status.next).toContain('pds did-web-move --back')
      await admin.com.atproto.server.deactivateAccount({})
      // What the host goes on answering.
      expect(await client.com.atproto.server.describeServer()).toMatchObject({ did: SERVICE })
      expect(await client.com.atproto.identity.resolveHandle({ handle: HANDLE })).toEqual({ did: SERVICE })
      expect(await client.com.atproto.sync.getRepoStatus({ did: SERVICE })).toMatchObject({ active: false })
      expect((await admin.com.cirrus.admin.getStatus()).next).toContain('Keep the host name and this Worker')
      const refused = await failure(admin.com.atproto.server.activateAccount())
      expect(refused.message).toContain('pds did-web-move --back')
      await updateDidWeb({ back: true })
      expect(await documentOf(world)).toMatchObject(before)
      await admin.com.atproto.server.activateAccount()
      expect(account.state()).toBe('active')
      expect(world.journal()).toEqual(
        expect.arrayContaining(['did-web', 'moved-away', 'deactivate', 'did-web', 'moved-back', 'activate']),
      )
    }))

  it('may be repeated, and survives a restart', () =>
    inWorld({ didWeb: true }, async (world) => {
      const there = await newKey()
      const request = { pds: TARGET, signingKey: there.did, handle: 'alice.new.example.com' }
      for (const _ of [1, 2]) await world.admin.com.cirrus.admin.updateDidWeb(request)
      expect(world.journal().filter((event) => event === 'did-web')).toHaveLength(1)
      await world.restart()
      expect(await documentOf(world)).toMatchObject(servesAs(TARGET, there.did, 'alice.new.example.com'))
      expect(world.account.state()).toBe('moved')
    }))

  it('is noticed by the alarm where the object died before it could', () =>
    inWorld({ didWeb: true }, async (world) => {
      killAt('didWeb.afterStored')
      const request = { pds: TARGET, signingKey: (await newKey()).did }
      expect(await failure(world.admin.com.cirrus.admin.updateDidWeb(request))).toMatchObject(DIED)
      onFault(undefined)
      await world.restart()
      expect(world.account.state()).toBe('active')
      await world.account.maintenance.run()
      expect(world.account.state()).toBe('moved')
    }))

  it.each([
    [{ pds: 'http://new.example.com' }, 'https'],
    [{ pds: 'https://10.0.0.1' }, 'IP address'],
    [{ pds: `${TARGET}/path` }, 'origin'],
    [{ pds: ORIGIN }, 'this server'],
    [{ signingKey: 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK' }, 'did:key'],
    [{ signingKey: undefined }, 'signingKey'],
    [{ pds: undefined }, 'pds'],
  ])('refuses %o', (wrong, part) =>
    inWorld({ didWeb: true }, async (world) => {
      const request = { pds: TARGET, signingKey: (await newKey()).did, ...wrong }
      const refused = await failure(world.admin.com.cirrus.admin.updateDidWeb(request as never))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain(part)
      expect(await documentOf(world)).toMatchObject(servesAs(ORIGIN, world.key.did))
    }),
  )

  it('is for a did:web of this host only', async () => {
    await inWorld({}, async (world) => {
      const refused = await failure(world.admin.com.cirrus.admin.updateDidWeb({ back: true }))
      expect(refused.message).toContain('not a did:web')
    })
    const elsewhere = { DID: 'did:web:elsewhere.example.com' }
    await inWorld({ active: false, env: elsewhere }, async (world) => {
      world.account.sql.run("UPDATE account SET state = 'deactivated'")
      const refused = await failure(world.admin.com.cirrus.admin.updateDidWeb({ back: true }))
      expect(refused.message).toContain('not served here')
    })
  })
})
