/** Another host name: the DID, sessions and writes stay at home while both names are known. */
import { describe, expect, it } from 'vitest'
import { failure, post } from '../support/calls.ts'
import { changeDid, pdsAt } from '../support/did.ts'
import { answerAsRelays, RELAYS } from '../support/relays.ts'
import { inWorld, ORIGIN, TARGET, type World } from '../support/world.ts'

const HOSTNAME = 'second.example.com'
const NEW = `https://${HOSTNAME}`
const renamed = { HOSTNAME, PREVIOUS_HOSTNAMES: 'cirrus.example.com' }
const update = (world: World, input: { preview?: boolean; operation?: string } = {}) =>
  world.admin.com.cirrus.admin.updatePds(input)

describe('com.cirrus.admin.updatePds', () => {
  it('shows and then signs exactly that operation; the account, its sessions and writes never pause', () =>
    inWorld({ relays: RELAYS }, async (world) => {
      const { asked } = answerAsRelays(world)
      const owner = await world.signIn()
      await world.restart({ ...renamed, RELAYS })
      const from = world.latest()
      expect(world.account.state()).toBe('active')
      await world.account.identityWatch.observe()
      expect([world.account.state(), world.events(from)]).toEqual(['active', []])
      await post(owner, world.did)
      const { data, cid } = await world.account.identity.directory.head(world.did)
      const shown = await update(world, { preview: true })
      const operation = { type: 'plc_operation', ...data, services: pdsAt(NEW), prev: cid }
      expect(shown).toMatchObject({
        pds: NEW,
        previous: ORIGIN,
        operation,
        changes: [`the PDS changes from ${ORIGIN} to ${NEW}`],
      })
      await update(world, { operation: shown.id ?? '' })
      expect(world.directory.head(world.did).operation).toMatchObject(operation)
      expect(world.events(from)).toEqual(['commit', 'identity'])
      expect(world.journal().slice(-3)).toEqual(['sign', 'submit', 'host'])
      await world.account.maintenance.run()
      expect(asked.map(({ body }) => body)).toContainEqual({ hostname: HOSTNAME })
      await post(owner, world.did)
      expect(await owner.com.atproto.server.getSession()).toMatchObject({ active: true })
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('again only tells the network again', () =>
    inWorld({}, async (world) => {
      await world.restart(renamed)
      await update(world)
      const from = world.latest()
      expect(await update(world)).toEqual({ pds: NEW, previous: NEW, changes: [] })
      expect(world.events(from)).toEqual(['identity'])
      expect(world.directory.logs.get(world.did)).toHaveLength(2)
    }))

  it('signs nothing where the DID has changed since, or names another server', () =>
    inWorld({}, async (world) => {
      await world.restart(renamed)
      const { id = '' } = await update(world, { preview: true })
      await changeDid(world, world.recovery, { alsoKnownAs: ['at://alice.example.org'] })
      expect(await failure(update(world, { operation: id }))).toMatchObject({ error: 'OperationChanged' })
      await changeDid(world, world.recovery, { services: pdsAt(TARGET) })
      expect(await failure(update(world))).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(world.journal()).not.toContain('sign')
    }))

  it('is refused to a session of the old name once that is no longer configured', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      await world.restart(renamed)
      await update(world)
      await owner.com.atproto.server.getSession()
      await world.restart({ HOSTNAME })
      expect(await failure(owner.com.atproto.server.getSession())).toMatchObject({ error: 'InvalidToken' })
    }))
})
