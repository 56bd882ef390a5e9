import { afterEach, describe, expect, it } from 'vitest'
import { buildVoidOperation } from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import { onFault } from '../../src/fault.ts'
import {
  bearer,
  HANDLE,
  inWorld,
  moveTo,
  newKey,
  ORIGIN,
  TARGET,
  TARGET_DID,
  targeted,
  type World,
} from './support/world.ts'

const SIGN = 'com.atproto.identity.signPlcOperation'
const SUBMIT = 'com.atproto.identity.submitPlcOperation'
const VOID = 'com.cirrus.admin.voidPlcOperation'
const STATUS = 'com.cirrus.admin.getStatus'

afterEach(() => onFault(undefined))

const status = async (world: World) => (await world.call(STATUS, { auth: world.admin })).body
const head = (world: World) => world.directory.head(world.did)
const labeler = { type: 'AtprotoLabeler', endpoint: 'https://labeler.example.com' }

describe('signPlcOperation', () => {
  it('signs with a targeted token as Bearer, alone or repeated in the body, for its target', () =>
    inWorld({}, async (world) => {
      const key = await newKey()
      const token = await world.mint(targeted)
      const { body, status } = await world.call(SIGN, {
        auth: bearer(token),
        body: { token, ...moveTo(key) },
      })
      expect(status).toBe(200)
      const { operation } = body
      expect(operation).toMatchObject({
        type: 'plc_operation',
        prev: head(world).cid,
        rotationKeys: [world.recovery.did, key.did],
        alsoKnownAs: [`at://${HANDLE}`],
        verificationMethods: { atproto: key.did },
        services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: TARGET } },
      })
      await world.directory.add(world.did, operation)
      expect(world.journal()).toContain('sign')
      const entry = world.account.journal.page({ limit: 5 }).entries.find(({ event }) => event === 'sign')
      expect(entry?.detail).toMatchObject({ pds: TARGET, droppedKeys: [world.key.did] })
    }))

  it('signs with a pasted token beside a full session, targeted or not', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      for (const mint of [{}, targeted]) {
        const token = await world.mint(mint)
        expect(
          (await world.call(SIGN, { auth: access, body: { token, ...moveTo(await newKey()) } })).status,
        ).toBe(200)
      }
    }))

  it('needs a token beside a session, a Bearer beside a token, and one token only', () =>
    inWorld({}, async (world) => {
      const { access, refresh } = await world.signIn()
      const body = moveTo(await newKey())
      const [one, two, open] = [await world.mint(targeted), await world.mint(targeted), await world.mint()]
      expect(await world.call(SIGN, { auth: access, body })).toMatchObject({
        status: 400,
        error: 'InvalidToken',
      })
      expect((await world.call(SIGN, { auth: access, body: { ...body, token: '' } })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call(SIGN, { auth: access, body: { ...body, token: 'ABCDE-12345' } })).error).toBe(
        'InvalidToken',
      )
      expect(
        (await world.call(SIGN, { auth: access, body: { ...body, token: access.slice(7) } })).error,
      ).toBe('InvalidToken')
      expect(await world.call(SIGN, { body: { ...body, token: one } })).toMatchObject({
        status: 401,
        error: 'AuthMissing',
      })
      expect((await world.call(SIGN, { auth: bearer(one), body: { ...body, token: two } })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call(SIGN, { auth: bearer(open), body })).error).toBe('InvalidToken')
      expect((await world.call(SIGN, { auth: bearer(open), body: { ...body, token: open } })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call(SIGN, { auth: refresh, body: { ...body, token: one } })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call(SIGN, { auth: world.admin, body: { ...body, token: one } })).error).toBe(
        'InvalidToken',
      )
      const reader = await world.mint({ ...targeted, scope: ['repo:read'] })
      expect((await world.call(SIGN, { auth: bearer(reader), body })).error).toBe('InvalidToken')
      expect((await world.call(SIGN, { auth: access, body: { ...body, token: reader } })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call(SIGN, { auth: access, body: { ...body, token: reader } })).message).toContain(
        'plc:sign',
      )
      expect(world.journal()).not.toContain('sign')
    }))

  it('refuses an operation that a leaked token asks for: another endpoint, other services, other methods', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      const key = await newKey()
      const evil = moveTo(key, 'https://evil.example.com')
      expect((await world.call(SIGN, { auth, body: evil })).error).toBe('InvalidToken')
      expect((await world.call(SIGN, { auth, body: {} })).error).toBe('InvalidToken')
      for (const more of [
        { services: { ...moveTo(key).services, atproto_labeler: labeler } },
        { ...moveTo(key), verificationMethods: { atproto: key.did, atproto_label: key.did } },
        { services: { atproto_pds: { type: 'Other', endpoint: TARGET } } },
      ])
        expect((await world.call(SIGN, { auth, body: more })).error).toBe('InvalidRequest')
      expect(world.account.plcLedger.signedSince(0)).toBe(false)
    }))

  it('merges: a labeler survives, and the keys above ours stay in front', () =>
    inWorld({}, async (world) => {
      const { data, cid } = await world.account.identity.directory.head(world.did)
      const operation = await world.key.rotation.signOperation({
        type: 'plc_operation',
        ...(data ?? expect.unreachable()),
        services: { ...data?.services, atproto_labeler: labeler },
        prev: cid,
      })
      await world.directory.add(world.did, operation)
      const key = await newKey()
      const body = { ...moveTo(key), rotationKeys: [key.did, world.recovery.did, world.key.did] }
      const answer = await world.call(SIGN, { auth: bearer(await world.mint(targeted)), body })
      expect(answer.body.operation.services.atproto_labeler).toEqual(labeler)
      expect(answer.body.operation.rotationKeys).toEqual([world.recovery.did, key.did, world.key.did])
    }))

  it('refuses more than five rotation keys by name, and cuts none', () =>
    inWorld({}, async (world) => {
      const keys = await Promise.all(Array.from({ length: 5 }, async () => (await newKey()).did))
      const auth = bearer(await world.mint(targeted))
      const refused = await world.call(SIGN, {
        auth,
        body: { ...moveTo(await newKey()), rotationKeys: keys },
      })
      expect(refused.error).toBe('InvalidRequest')
      for (const key of keys) expect(refused.message).toContain(key)
    }))

  it('answers the same request with the same bytes, also after the head has moved, and no other', () =>
    inWorld({}, async (world) => {
      const key = await newKey()
      const auth = bearer(await world.mint(targeted))
      const first = await world.call(SIGN, { auth, body: moveTo(key) })
      const { services, ...rest } = moveTo(key)
      await world.restart()
      world.clock.now += 1000
      const again = await world.call(SIGN, { auth, body: { services, ...rest } })
      expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body))
      await world.directory.add(world.did, first.body.operation)
      world.directory.mode = 'down'
      expect((await world.call(SIGN, { auth, body: moveTo(key) })).body).toEqual(first.body)
      world.directory.mode = 'up'
      const other = await world.call(SIGN, { auth, body: moveTo(await newKey()) })
      expect(other).toMatchObject({ status: 400, error: 'InvalidToken' })
      expect(world.journal().filter((event) => event === 'sign')).toHaveLength(1)
    }))

  it('signs one of two requests with one token that come at once', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      const [a, b] = [moveTo(await newKey()), moveTo(await newKey())]
      const answers = await Promise.all([a, b, a].map((body) => world.call(SIGN, { auth, body })))
      const signed = answers.filter(({ status }) => status === 200)
      expect(answers.filter(({ error }) => error === 'InvalidToken').length).toBe(3 - signed.length)
      expect(new Set(signed.map(({ body }) => JSON.stringify(body))).size).toBe(1)
      expect(world.journal().filter((event) => event === 'sign')).toHaveLength(1)
    }))

  it('refuses when the head is no longer the one of the token, and says that a new one is needed', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      const { data, cid } = await world.account.identity.directory.head(world.did)
      await world.directory.add(
        world.did,
        await world.key.rotation.signOperation(
          buildVoidOperation({ did: world.did, cid, data, createdAt: 0 }, world.key.did),
        ),
      )
      const refused = await world.call(SIGN, { auth, body: moveTo(await newKey()) })
      expect(refused.error).toBe('InvalidToken')
      expect(refused.message).toContain('pds migrate-token')
    }))

  it('refuses a token revoked while the directory was asked', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      world.directory.before = () => void world.account.migrationTokens.revoke()
      expect((await world.call(SIGN, { auth, body: moveTo(await newKey()) })).error).toBe('InvalidToken')
      expect(world.account.plcLedger.signedSince(0)).toBe(false)
    }))

  it('signs nothing more once the DID names another PDS', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const key = await newKey()
      const body = { ...moveTo(key), rotationKeys: [world.key.did, key.did] }
      const spare = await world.mint(targeted)
      const { body: signed } = await world.call(SIGN, { auth: bearer(await world.mint(targeted)), body })
      await world.directory.add(world.did, signed.operation)
      expect((await world.call(SIGN, { auth: bearer(spare), body: moveTo(await newKey()) })).error).toBe(
        'InvalidRequest',
      )
      expect(
        (await world.call(SIGN, { auth: access, body: { token: spare, ...body, services: {} } })).error,
      ).toBe('InvalidRequest')
      const mint = await world.call('com.cirrus.admin.createMigrationToken', {
        auth: world.admin,
        body: { scope: ['plc:sign'] },
      })
      expect(mint.error).toBe('InvalidScope')
      const reader = await world.call('com.cirrus.admin.createMigrationToken', {
        auth: world.admin,
        body: {},
      })
      expect(reader.body.scope).not.toContain('plc:sign')
    }))

  it('answers UpstreamFailure while the directory is down or lies, and goes on when it is back', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      const body = moveTo(await newKey())
      for (const mode of ['down', 'lying'] as const) {
        world.directory.mode = mode
        expect(await world.call(SIGN, { auth, body })).toMatchObject({
          status: 502,
          error: 'UpstreamFailure',
        })
      }
      world.directory.mode = 'up'
      expect((await world.call(SIGN, { auth, body })).status).toBe(200)
    }))

  it('says what to change in did.json for did:web', () =>
    inWorld({ didWeb: true }, async (world) => {
      const { access } = await world.signIn()
      const refused = await world.call(SIGN, { auth: access, body: {} })
      expect(refused.error).toBe('InvalidRequest')
      expect(refused.message).toContain('did.json')
      expect(refused.message).toContain('serviceEndpoint')
    }))

  it('refuses what is no operation', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      for (const body of [
        { ...moveTo(world.key), rotationKeys: ['did:key:zNope'] },
        { ...moveTo(world.key), rotationKeys: [world.key.did, world.key.did] },
        { services: { atproto_pds: 'https://new.example.com' } },
        { services: [] },
        { ...moveTo(world.key), verificationMethods: { atproto: 'z1' } },
        { ...moveTo(world.key), alsoKnownAs: Array.from({ length: 11 }, (_, i) => `at://${i}.example.com`) },
      ])
        expect((await world.call(SIGN, { auth, body })).error).toBe('InvalidRequest')
    }))

  it('keeps the bytes it gave out when it dies before or after the ledger', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await world.mint(targeted))
      const body = moveTo(await newKey())
      for (const point of ['sign.beforeLedger', 'sign.afterLedger']) {
        onFault((name) => {
          if (name === point) throw new Error('killed')
        })
        await expect(world.call(SIGN, { auth, body })).rejects.toThrow('internal error')
        onFault(undefined)
        await world.restart()
        expect(world.account.plcLedger.signedSince(0)).toBe(point === 'sign.afterLedger')
      }
      const [kept] = (await status(world)).unsubmitted
      const { body: answer } = await world.call(SIGN, { auth, body })
      expect(await operationCid(answer.operation)).toBe(kept.cid)
      expect(world.journal().filter((event) => event === 'sign')).toHaveLength(1)
      expect(world.account.journal.verify().ok).toBe(true)
    }))
})

describe('an operation that was signed and not submitted', () => {
  const signed = async (world: World) => {
    const auth = bearer(await world.mint(targeted))
    return (await world.call(SIGN, { auth, body: moveTo(await newKey()) })).body.operation
  }

  it('shows in the status with what it would change, and can be voided for good', () =>
    inWorld({}, async (world) => {
      const operation = await signed(world)
      const before = await status(world)
      expect(before.unsubmitted).toMatchObject([
        { pds: TARGET, signedAt: new Date(world.clock.now).toISOString() },
      ])
      expect(before.unsubmitted[0].changes.join('\n')).toContain(`rotation key ${world.key.did} is dropped`)
      expect(before.next).toContain('pds identity --void')
      const { body } = await world.call(VOID, { auth: world.admin })
      expect(body).toEqual({ head: head(world).cid, voided: [before.unsubmitted[0].cid] })
      await expect(world.directory.add(world.did, operation)).rejects.toThrow()
      const after = await status(world)
      expect(after.unsubmitted).toEqual([])
      expect(after.identity).toMatchObject({
        pds: ORIGIN,
        head: body.head,
        rotationKeys: before.identity.rotationKeys,
      })
      expect((await world.call(VOID, { auth: world.admin })).error).toBe('NothingToVoid')
    }))

  it('is voided again with the same bytes after a lost answer and a directory that failed', () =>
    inWorld({}, async (world) => {
      await signed(world)
      world.directory.mode = 'down'
      expect((await world.call(VOID, { auth: world.admin })).error).toBe('DirectoryUnavailable')
      world.directory.mode = 'up'
      let gets = 0
      world.directory.before = () => {
        // The log is read, then the operation goes out and is lost.
        if (++gets === 2) world.directory.mode = 'down'
      }
      expect((await world.call(VOID, { auth: world.admin })).error).toBe('DirectoryUnavailable')
      world.directory.before = undefined
      world.directory.mode = 'deaf'
      expect((await world.call(VOID, { auth: world.admin })).status).toBe(200)
      expect(world.directory.logs.get(world.did)).toHaveLength(2)
    }))

  it('cannot be voided when it was submitted in the meantime, and nothing pretends otherwise', () =>
    inWorld({}, async (world) => {
      const operation = await signed(world)
      let asked = 0
      world.directory.before = async () => {
        if (++asked === 2) await world.directory.add(world.did, operation)
      }
      expect((await world.call(VOID, { auth: world.admin })).error).toBe('DirectoryUnavailable')
      world.directory.before = undefined
      expect(await status(world)).toMatchObject({
        state: 'moved',
        identity: { movedAway: true, pds: TARGET },
        unsubmitted: [],
      })
      expect((await world.call(VOID, { auth: world.admin })).error).toBe('NothingToVoid')
    }))

  it('is for the admin to void, and there is nothing to void without one', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      expect((await world.call(VOID, { auth: access })).error).toBe('InvalidToken')
      expect((await world.call(VOID, { auth: world.admin })).error).toBe('NothingToVoid')
    }))
})

describe('submitPlcOperation and getRecommendedDidCredentials', () => {
  const recommended = async (world: World, access: string) =>
    (await world.call('com.atproto.identity.getRecommendedDidCredentials', { auth: access })).body

  it('submits what the recommendation leads to, once or twice', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const credentials = await recommended(world, access)
      expect(credentials).toEqual({
        rotationKeys: [world.recovery.did, world.key.did],
        alsoKnownAs: [`at://${HANDLE}`],
        verificationMethods: { atproto: world.key.did },
        services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: ORIGIN } },
      })
      const operation = await world.key.rotation.signOperation({
        type: 'plc_operation',
        ...credentials,
        prev: head(world).cid,
      })
      for (let i = 0; i < 2; i++)
        expect((await world.call(SUBMIT, { auth: access, body: { operation } })).status).toBe(200)
      expect(head(world).cid).toBe(await operationCid(operation))
      expect(world.events().at(-1)).toBe('identity')
      expect(world.journal()).toContain('submit')
    }))

  it('refuses what would not work here: another endpoint, key, handle, or none of our rotation key', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const credentials = await recommended(world, access)
      const other = (await newKey()).did
      const good = { type: 'plc_operation' as const, ...credentials, prev: head(world).cid }
      for (const wrong of [
        { services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: TARGET } } },
        { services: { atproto_pds: { type: 'Other', endpoint: ORIGIN } } },
        { services: {} },
        { verificationMethods: { atproto: other } },
        { alsoKnownAs: ['at://bob.example.com'] },
        { rotationKeys: [world.recovery.did] },
      ]) {
        const operation = await world.key.rotation.signOperation({ ...good, ...wrong })
        expect((await world.call(SUBMIT, { auth: access, body: { operation } })).error).toBe('InvalidRequest')
      }
      const stale = await world.key.rotation.signOperation({ ...good, prev: await operationCid(good) })
      const refused = await world.call(SUBMIT, { auth: access, body: { operation: stale } })
      expect(refused.message).toContain(head(world).cid)
      const unsigned = { ...good, sig: 'A'.repeat(86) }
      expect((await world.call(SUBMIT, { auth: access, body: { operation: unsigned } })).error).toBe(
        'InvalidRequest',
      )
      world.directory.mode = 'down'
      const operation = await world.key.rotation.signOperation(good)
      expect((await world.call(SUBMIT, { auth: access, body: { operation } })).status).toBe(502)
    }))

  it('asks for no letter: requestPlcOperationSignature answers 200 and does nothing', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const before = world.journal()
      expect(
        (await world.call('com.atproto.identity.requestPlcOperationSignature', { auth: access })).status,
      ).toBe(200)
      expect(world.journal()).toEqual(before)
    }))

  it('leaves rotation keys out for did:web', () =>
    inWorld({ didWeb: true }, async (world) => {
      const { access } = await world.signIn()
      expect((await recommended(world, access)).rotationKeys).toBeUndefined()
      expect((await world.call(SUBMIT, { auth: access, body: { operation: {} } })).error).toBe(
        'InvalidRequest',
      )
    }))
})

describe('a recovery key', () => {
  it('is said to be missing where none stands above ours', () =>
    inWorld({ recoveryKeys: false }, async (world) => {
      expect((await status(world)).identity.recoverable).toBe(false)
      expect((await world.mint({ ...targeted, audience: TARGET_DID })).length).toBeGreaterThan(0)
    }))
})
