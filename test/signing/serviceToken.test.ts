import { createServiceJwt, verifyJwt } from '@atproto/xrpc-server'
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { serviceTokenIssuer, verifyServiceToken } from '../../src/signing/serviceToken.ts'
import { DID, highS, NOW, part, SERVICE_DID, testSecret } from '../crypto/support.ts'

const LXM = 'com.atproto.server.createAccount'
const key = await loadSigningKey(testSecret('service'))
const iat = Math.floor(NOW / 1000)
const claims = { iss: DID, aud: SERVICE_DID, iat, exp: iat + 60, lxm: LXM, jti: 'a'.repeat(32) }
const opts = { didKey: key.did, issuer: DID, audiences: [SERVICE_DID], lxm: LXM, now: NOW }

const code = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

test('the reference accepts our service tokens', async () => {
  const now = Math.floor(Date.now() / 1000)
  const token = await key.signServiceToken({ ...claims, iat: now, exp: now + 60 })
  expect(await verifyJwt(token, SERVICE_DID, LXM, async () => key.did)).toMatchObject({
    iss: DID,
    aud: SERVICE_DID,
  })
})

test.each(['k256', 'p256'])("we accept the reference's service tokens of a %s key", async (kind) => {
  const keypair = kind === 'k256' ? await Secp256k1Keypair.create() : await P256Keypair.create()
  const token = await createServiceJwt({ ...claims, keypair })
  expect(serviceTokenIssuer(token)).toBe(DID)
  const seen = await verifyServiceToken(token, { ...opts, didKey: keypair.did() })
  expect(seen).toMatchObject({ iss: DID, aud: SERVICE_DID, lxm: LXM })
})

test('an audience may name a service of this server', async () => {
  const token = await key.signServiceToken({ ...claims, aud: `${SERVICE_DID}#atproto_pds` })
  expect(await code(() => verifyServiceToken(token, opts))).toBe('WrongAudience')
  const audiences = [SERVICE_DID, `${SERVICE_DID}#atproto_pds`]
  expect(await code(() => verifyServiceToken(token, { ...opts, audiences }))).toBe('accepted')
})

test.each([
  ['expired', 'Expired', {}, { now: NOW + 61_000 }],
  ['of another issuer', 'WrongIssuer', { iss: 'did:web:other.example' }, {}],
  ['for another server', 'WrongAudience', { aud: 'did:web:other.example' }, {}],
  ['for another method', 'WrongMethod', { lxm: 'com.atproto.repo.createRecord' }, {}],
  ['for any method', 'WrongMethod', { lxm: undefined }, {}],
  ['issued in the future', 'FromFuture', { iat: iat + 120, exp: iat + 180 }, {}],
  [
    'that is valid for more than an hour',
    'TooLong',
    { iat: iat + 50, exp: iat + 3650 },
    { now: NOW - 60_000 },
  ],
  ['signed by another key', 'BadSignature', {}, { didKey: (await Secp256k1Keypair.create()).did() }],
  ['signed by a key of another curve', 'WrongAlg', {}, { didKey: (await P256Keypair.create()).did() }],
])('a service token %s is refused as %s', async (_, expected, change, verify) => {
  const token = await key.signServiceToken({ ...claims, ...change })
  expect(await code(() => verifyServiceToken(token, { ...opts, ...verify }))).toBe(expected)
})

const typed = async (typ: string | undefined, more: Record<string, unknown> = {}) => {
  const keypair = await Secp256k1Keypair.import(testSecret('service').reveal())
  const signed = `${part({ alg: 'ES256K', typ })}.${part({ ...claims, ...more })}`
  return `${signed}.${Buffer.from(await keypair.sign(Buffer.from(signed))).toString('base64url')}`
}

test('what another server means by the claim `grant` is its own affair', async () => {
  for (const grant of [7, {}, 'x'.repeat(5000)])
    expect(await code(async () => verifyServiceToken(await typed('JWT', { grant }), opts))).toBe('accepted')
})

test('tokens of other types are refused as service tokens', async () => {
  for (const typ of [
    'at+jwt',
    'refresh+jwt',
    'dpop+jwt',
    'cirrus-migration+jwt',
    'cirrus-manifest+jwt',
    undefined,
  ])
    expect(await code(async () => verifyServiceToken(await typed(typ), opts))).toBe('WrongType')
  expect(await code(async () => verifyServiceToken(await typed('JWT'), opts))).toBe('accepted')
})

test('a high-S P-256 signature is refused', async () => {
  const keypair = await P256Keypair.create()
  const [header = '', payload = '', sig = ''] = (await createServiceJwt({ ...claims, keypair })).split('.')
  const high = highS(Buffer.from(sig, 'base64url'), 'p256')
  const token = `${header}.${payload}.${Buffer.from(high).toString('base64url')}`
  expect(await code(() => verifyServiceToken(token, { ...opts, didKey: keypair.did() }))).toBe('BadSignature')
})

test('our signer refuses what getServiceAuth does not allow', async () => {
  const sign = (change: object) => code(() => key.signServiceToken({ ...claims, ...change }))
  expect(await sign({ exp: iat + 3600 })).toBe('accepted')
  expect(await sign({ exp: iat + 3601 })).toBe('TooLong')
  expect(await sign({ lxm: undefined, exp: iat + 60 })).toBe('accepted')
  expect(await sign({ lxm: undefined, exp: iat + 61 })).toBe('TooLong')
  expect(await sign({ exp: iat })).toBe('TooLong')
  expect(await sign({ lxm: 'not an nsid' })).toBe('BadClaims')
  expect(await sign({ aud: 'https://x.example' })).toBe('BadClaims')
})
