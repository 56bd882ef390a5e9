import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { verifyManifest } from '../../src/signing/manifest.ts'
import { DID, NOW, SERVICE_DID, testSecret } from '../crypto/support.ts'

const key = await loadSigningKey(testSecret('manifest'))
const iat = Math.floor(NOW / 1000)

const code = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

test('a manifest verifies only for its account and key', async () => {
  const manifest = {
    iss: DID,
    iat,
    rev: '3l3qo2vutsw2b',
    commit: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
    data: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
    collections: { 'app.bsky.feed.post': 12, 'app.bsky.feed.like': 3 },
    blobs: { count: 2, bytes: 4096 },
  }
  const jws = await key.signManifest(manifest)
  const at = { publicDidKey: key.did, issuer: DID }
  expect(await verifyManifest(jws, at)).toEqual(manifest)
  expect(await code(() => verifyManifest(jws, { ...at, issuer: 'did:web:x.example' }))).toBe('WrongIssuer')
  const service = await key.signServiceToken({
    iss: DID,
    aud: SERVICE_DID,
    iat,
    exp: iat + 60,
    jti: 'a'.repeat(32),
  })
  expect(await code(() => verifyManifest(service, at))).toBe('WrongType')
  expect(await code(() => key.signManifest({ ...manifest, blobs: { count: -1, bytes: 0 } }))).toBe(
    'BadClaims',
  )
})
