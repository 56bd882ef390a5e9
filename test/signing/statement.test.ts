import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { verifyStatementSignature } from '../../src/signing/statement.ts'
import { DID, NOW, testSecret } from '../crypto/support.ts'

const key = await loadSigningKey(testSecret('statement'))
const other = await loadSigningKey(testSecret('another key'))
const claims = { iss: DID, iat: Math.floor(NOW / 1000), digest: 'ab'.repeat(32) }

const code = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

test('a statement is verified with any key that the account has had, and says which one signed', async () => {
  const signature = await key.signStatement(claims)
  const verify = (publicDidKeys: string[], issuer = DID) =>
    verifyStatementSignature(signature, { publicDidKeys, issuer })
  expect(await verify([other.did, key.did])).toEqual({ ...claims, key: key.did })
  expect(await code(() => verify([other.did]))).toBe('BadSignature')
  expect(await code(() => verify([]))).toBe('BadSignature')
  expect(await code(() => verify([key.did], 'did:web:other.example'))).toBe('WrongIssuer')
})

test('only a sha-256 hash is signed, and nothing else that the key signs counts as a statement', async () => {
  for (const digest of ['', 'ab', 'AB'.repeat(32), 'xy'.repeat(32)])
    expect(await code(() => key.signStatement({ ...claims, digest }))).toBe('BadClaims')
  const manifest = await key.signManifest({
    iss: DID,
    iat: claims.iat,
    rev: '3l3qo2vutsw2b',
    commit: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
    data: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
    collections: {},
    blobs: { count: 0, bytes: 0 },
  })
  const verify = () => verifyStatementSignature(manifest, { publicDidKeys: [key.did], issuer: DID })
  expect(await code(verify)).toBe('WrongType')
})
