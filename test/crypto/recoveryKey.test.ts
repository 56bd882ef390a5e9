import { multibaseToBytes, P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, it } from 'vitest'
import {
  generateRecoveryKey,
  loadRecoveryPrivateKey,
  recoveryKeyMultibase,
} from '../../src/crypto/recoveryKey.ts'
import { KeyError } from '../../src/crypto/errors.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { loadRecoveryKey } from '../../src/signing/recoveryKey.ts'

const hex = '9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c'
const bytes = new Uint8Array(Buffer.from(hex, 'hex'))

describe('a recovery key', () => {
  it.each([
    ['k256', '8126', /^z3vL/, () => Secp256k1Keypair.import(bytes)],
    ['p256', '8626', /^z42t/, () => P256Keypair.import(bytes)],
  ] as const)(
    'of %s is read from hex and from multibase, as goat writes it',
    async (curve, code, text, load) => {
      const multibase = recoveryKeyMultibase(new Secret(hex), curve)
      expect(multibase.reveal()).toMatch(text)
      expect(Buffer.from(multibaseToBytes(multibase.reveal())).toString('hex')).toBe(`${code}${hex}`)
      const did = (await load()).did()
      expect(await loadRecoveryPrivateKey(new Secret(hex), curve)).toMatchObject({ did, curve })
      // The multibase names its curve, whatever else is said.
      expect(await loadRecoveryPrivateKey(multibase, 'k256')).toMatchObject({ did, curve })
      expect((await loadRecoveryKey(multibase)).did).toBe(did)
    },
  )

  it.each([
    ['nothing', ''],
    ['a public key', 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme'],
    ['too few digits', hex.slice(2)],
    ['zero', '0'.repeat(64)],
    ['a multibase of another kind', `z${'6'.repeat(50)}`],
    ['a very long text', 'z'.repeat(100_000)],
  ])('is refused if it is %s, without a word of it', async (_, text) => {
    const refused: unknown = await loadRecoveryPrivateKey(new Secret(text)).catch((cause: unknown) => cause)
    expect(refused).toBeInstanceOf(KeyError)
    if (text !== '') expect(String(refused)).not.toContain(text.slice(0, 20))
  })

  it('is drawn again if a draw is out of range', async () => {
    const draws = [new Uint8Array(32).fill(255), bytes]
    const drawn = await generateRecoveryKey('p256', () => draws.shift() ?? bytes)
    expect(drawn.reveal()).toBe(hex)
  })
})
