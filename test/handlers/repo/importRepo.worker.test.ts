import { encode } from '@atproto/lex-cbor'
import { Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, it } from 'vitest'
import { toBase64url } from '../../../src/crypto/base64url.ts'
import { bytesOf, failure } from '../support/calls.ts'
import { inWorld, type World } from '../support/world.ts'

/** As no PDS of ours would sign it, and as the directory takes it. */
const nameKey = async (world: World, atproto: string) => {
  const { data, cid } = await world.account.identity.directory.head(world.did)
  if (!data) throw new Error('tombstoned')
  const keypair = await Secp256k1Keypair.import(world.key.hex.reveal())
  const unsigned = { type: 'plc_operation', ...data, verificationMethods: { atproto }, prev: cid } as const
  await world.directory.add(world.did, {
    ...unsigned,
    sig: toBase64url(await keypair.sign(encode(unsigned))),
  })
}

describe('importRepo', () => {
  it.each(['did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK', 'did:key:znokey', 'nonsense'])(
    'is refused while the DID names a key that verifies nothing: %s',
    (key) =>
      inWorld({}, async (world) => {
        const owner = await world.signIn()
        const car = await bytesOf(await owner.com.atproto.sync.getRepo({ did: world.did }))
        await nameKey(world, key)
        const refused = await failure(owner.com.atproto.repo.importRepo(car))
        expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
        for (const part of ['BadKey', key, 'k256 or P-256', world.key.did, '#repository-refused'])
          expect(refused.message).toContain(part)
        expect(world.journal()).not.toContain('import')
      }),
  )
})
