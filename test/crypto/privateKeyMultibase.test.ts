import { multibaseToBytes } from '@atproto/crypto'
import { expect, test } from 'vitest'
import { privateKeyMultibase } from '../../src/crypto/privateKey.ts'
import { Secret } from '../../src/crypto/secret.ts'

test('a private key in multibase has the multicodec of secp256k1-priv, as goat reads it', () => {
  const hex = '9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c'
  const text = privateKeyMultibase(new Secret(hex)).reveal()
  expect(text).toMatch(/^z3vL/)
  expect(Buffer.from(multibaseToBytes(text)).toString('hex')).toBe(`8126${hex}`)
})
