import { describe, expect, it } from 'vitest'
import { verifyStatementSignature } from '../../../src/signing/statement.ts'
import { inWorld } from '../support/world.ts'

const digest = '0123456789abcdef'.repeat(4)

describe('signStatement', () => {
  it('signs a hash with the account’s key, before and after deactivation, and the journal has it', () =>
    inWorld({}, async (world) => {
      const { signStatement, getJournal } = world.admin.com.cirrus.admin
      const verify = async () => {
        const { signature } = await signStatement({ digest })
        return verifyStatementSignature(signature, { publicDidKeys: [world.key.did], issuer: world.did })
      }
      const iat = Math.floor(world.clock.now / 1000)
      expect(await verify()).toEqual({ iss: world.did, iat, digest, key: world.key.did })
      await world.admin.com.atproto.server.deactivateAccount({})
      expect(await verify()).toMatchObject({ digest })
      const { entries } = await getJournal({ limit: 1 })
      expect(entries).toMatchObject([{ event: 'sign-statement', detail: { digest } }])
    }))

  it('signs nothing but a sha-256 hash', () =>
    inWorld({}, async (world) => {
      for (const wrong of ['', 'ab', 'AB'.repeat(32), 'zz'.repeat(32), `${digest}0`])
        await expect(
          world.admin.com.cirrus.admin.signStatement({ digest: wrong }),
          wrong,
        ).rejects.toMatchObject({ error: 'InvalidRequest' })
    }))
})
