import { describe, expect, it } from 'vitest'
import { buildVoidOperation } from '../../../src/plc/build.ts'
import { failure, logIn } from '../support/calls.ts'
import { moveTo, targeted } from '../support/did.ts'
import { newKey } from '../support/keys.ts'
import { inWorld } from '../support/world.ts'

describe('the token of signPlcOperation', () => {
  it('may be the Bearer, alone or repeated in the input', () =>
    inWorld({}, async ({ mint, bearer }) => {
      const token = await mint(targeted)
      const { signPlcOperation } = bearer(token).com.atproto.identity
      const input = moveTo(await newKey())
      const { operation } = await signPlcOperation(input)
      expect((await signPlcOperation({ token, ...input })).operation).toEqual(operation)
    }))

  it('may be pasted beside a full session, with a target or without', () =>
    inWorld({}, async ({ mint, signIn }) => {
      const owner = await signIn()
      for (const options of [{}, targeted]) {
        const token = await mint(options)
        const input = { token, ...moveTo(await newKey()) }
        expect((await owner.com.atproto.identity.signPlcOperation(input)).operation).toHaveProperty('sig')
      }
    }))

  it('is needed beside a session: nothing, a code from a letter or the session itself does not do', () =>
    inWorld({}, async ({ client, bearer, journal }) => {
      const { accessJwt } = await logIn(client)
      const { signPlcOperation } = bearer(accessJwt).com.atproto.identity
      const input = moveTo(await newKey())
      await expect(signPlcOperation(input)).rejects.toMatchObject({ status: 400, error: 'InvalidToken' })
      for (const token of ['', 'ABCDE-12345', accessJwt])
        await expect(signPlcOperation({ ...input, token }), token).rejects.toMatchObject({
          error: 'InvalidToken',
        })
      expect(journal()).not.toContain('sign')
    }))

  it('does not do in the input alone, beside a refresh token, or beside the admin password', () =>
    inWorld({}, async ({ client, admin, bearer, ...world }) => {
      const { refreshJwt } = await logIn(client)
      const input = { ...moveTo(await newKey()), token: await world.mint(targeted) }
      await expect(client.com.atproto.identity.signPlcOperation(input)).rejects.toMatchObject({
        status: 401,
        error: 'AuthMissing',
      })
      for (const caller of [bearer(refreshJwt), admin])
        await expect(caller.com.atproto.identity.signPlcOperation(input)).rejects.toMatchObject({
          error: 'InvalidToken',
        })
      expect(world.journal()).not.toContain('sign')
    }))

  it('is refused as the Bearer without a target, and beside another token', () =>
    inWorld({}, async ({ bearer, mint, journal }) => {
      const input = moveTo(await newKey())
      const [one, two, open] = [await mint(targeted), await mint(targeted), await mint()]
      for (const [token, inInput] of [
        [one, two],
        [open, undefined],
        [open, open],
      ] as const)
        await expect(
          bearer(token).com.atproto.identity.signPlcOperation({ ...input, token: inInput }),
        ).rejects.toMatchObject({ error: 'InvalidToken' })
      expect(journal()).not.toContain('sign')
    }))

  it('is refused without the scope plc:sign, by name', () =>
    inWorld({}, async ({ bearer, mint, signIn, journal }) => {
      const input = moveTo(await newKey())
      const token = await mint({ ...targeted, scope: ['repo:read'] })
      await expect(bearer(token).com.atproto.identity.signPlcOperation(input)).rejects.toMatchObject({
        error: 'InvalidToken',
      })
      const owner = await signIn()
      await expect(owner.com.atproto.identity.signPlcOperation({ ...input, token })).rejects.toMatchObject({
        error: 'InvalidToken',
        message: expect.stringContaining('plc:sign'),
      })
      expect(journal()).not.toContain('sign')
    }))

  it('is refused when the head is no longer the one that it names, and the answer says that a new one is needed', () =>
    inWorld({}, async ({ account, bearer, did, directory, key, mint }) => {
      const mover = bearer(await mint(targeted))
      const { data, cid } = await account.identity.directory.head(did)
      const noChange = buildVoidOperation({ did, cid, data, createdAt: 0 }, key.did)
      await directory.add(did, await key.rotation.signOperation(noChange))
      const refused = await failure(mover.com.atproto.identity.signPlcOperation(moveTo(await newKey())))
      expect(refused.error).toBe('InvalidToken')
      expect(refused.message).toContain('pds migrate-token')
    }))

  it('is refused when it is revoked while the directory is asked', () =>
    inWorld({}, async ({ account, bearer, directory, mint }) => {
      const mover = bearer(await mint(targeted))
      directory.before = () => void account.migrationTokens.revoke()
      await expect(mover.com.atproto.identity.signPlcOperation(moveTo(await newKey()))).rejects.toMatchObject(
        { error: 'InvalidToken' },
      )
      expect(account.plcLedger.signedSince(0)).toBe(false)
    }))

  it('signs nothing more once the DID names another PDS, and no other is minted with plc:sign', () =>
    inWorld({}, async ({ admin, bearer, did, directory, key, mint, signIn }) => {
      const owner = await signIn()
      const next = await newKey()
      const input = { ...moveTo(next), rotationKeys: [key.did, next.did] }
      const spare = await mint(targeted)
      const mover = bearer(await mint(targeted))
      const { operation } = await mover.com.atproto.identity.signPlcOperation(input)
      await directory.add(did, operation)
      await expect(
        bearer(spare).com.atproto.identity.signPlcOperation(moveTo(await newKey())),
      ).rejects.toMatchObject({ error: 'InvalidRequest' })
      await expect(
        owner.com.atproto.identity.signPlcOperation({ token: spare, ...input, services: {} }),
      ).rejects.toMatchObject({ error: 'InvalidRequest' })
      const { createMigrationToken } = admin.com.cirrus.admin
      await expect(createMigrationToken({ scope: ['plc:sign'] })).rejects.toMatchObject({
        error: 'InvalidScope',
      })
      expect((await createMigrationToken()).scope).not.toContain('plc:sign')
    }))
})
