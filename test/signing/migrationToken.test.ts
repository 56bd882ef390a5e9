import { verifyJwt } from '@atproto/xrpc-server'
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import {
  DEFAULT_SCOPES,
  looksLikeMigrationToken,
  type MigrationClaims,
  migrationTimes,
  parseScope,
  SCOPES,
  verifyMigrationToken,
  verifyTargetedToken,
} from '../../src/signing/migrationToken.ts'
import { der, DID, highS, NOW, part, SERVICE_DID, testSecret } from '../crypto/support.ts'

const TARGET = 'https://target.example'
const TARGET_DID = 'did:web:target.example'
const secret = testSecret('signing')
const key = await loadSigningKey(secret)
/** The bare key, for tokens that our own signer refuses to make. */
const bare = await Secp256k1Keypair.import(secret.reveal())

const plc = {
  prev: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
  rotationKeys: [key.did],
  verificationMethods: { atproto: key.did },
  alsoKnownAs: ['at://alice.example'],
  services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://cirrus.example' } },
}
const claims: MigrationClaims = {
  iss: DID,
  aud: SERVICE_DID,
  ...migrationTimes(NOW, 0),
  jti: '0123456789abcdef0123456789abcdef',
  scope: DEFAULT_SCOPES.join(' '),
  plc,
}
const targeted: MigrationClaims = {
  ...claims,
  aud: TARGET_DID,
  target: TARGET,
  lxm: 'com.atproto.server.createAccount',
}
const opts = { publicDidKey: key.did, issuer: DID, serviceDid: SERVICE_DID, now: NOW, notBefore: 0 }
const HEADER = { alg: 'ES256K', typ: 'cirrus-migration+jwt' }

const forge = async (header: unknown, payload: unknown, sign = (b: Uint8Array) => bare.sign(b)) => {
  const signed = `${part(header)}.${part(payload)}`
  return `${signed}.${Buffer.from(await sign(Buffer.from(signed))).toString('base64url')}`
}

const code = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

test('a token that we minted verifies, and gives the same claims', async () => {
  for (const each of [claims, targeted]) {
    const token = await key.signMigrationToken(each)
    expect(await verifyMigrationToken(token, opts)).toEqual(each)
    expect(decodeJwt(token)).toEqual(each)
    expect(decodeProtectedHeader(token)).toEqual(HEADER)
    expect(looksLikeMigrationToken(token)).toBe(true)
  }
})

test('a reference PDS accepts a targeted token as the Bearer of createAccount', async () => {
  const now = Date.now()
  const token = await key.signMigrationToken({ ...targeted, ...migrationTimes(now, 0) })
  const seen = await verifyJwt(token, TARGET_DID, 'com.atproto.server.createAccount', async () => key.did)
  expect(seen.iss).toBe(DID)
})

test('a Cirrus that is the target accepts only a token targeted at it', async () => {
  const at = { publicDidKey: key.did, issuer: DID, audience: TARGET_DID, now: NOW }
  const token = await key.signMigrationToken(targeted)
  expect(await verifyTargetedToken(token, at)).toEqual(targeted)
  expect(await code(verifyTargetedToken(token, { ...at, audience: SERVICE_DID }))).toBe('WrongAudience')
  expect(await code(verifyTargetedToken(token, { ...at, now: NOW + 901_000 }))).toBe('Expired')
  const untargeted = await key.signMigrationToken(claims)
  expect(await code(verifyTargetedToken(untargeted, { ...at, audience: SERVICE_DID }))).toBe('WrongMethod')
})

test('our own signer refuses to mint a token that we would not accept', async () => {
  const mint = (change: Partial<MigrationClaims>) => code(key.signMigrationToken({ ...claims, ...change }))
  expect(await mint({ exp: claims.iat + 901 })).toBe('TooLong')
  expect(await mint({ exp: claims.iat })).toBe('BadClaims')
  expect(await mint({ scope: 'repo:read repo:write' })).toBe('BadClaims')
  expect(await mint({ plc: undefined })).toBe('BadClaims')
  expect(await mint({ target: TARGET })).toBe('BadClaims')
  expect(await mint({ lxm: 'com.atproto.server.createAccount' })).toBe('BadClaims')
  expect(await mint({ jti: 'short' })).toBe('BadClaims')
})

test('a token minted in the same second after a revocation is valid, an older one is revoked', async () => {
  const revokedAt = NOW
  const token = await key.signMigrationToken({ ...claims, ...migrationTimes(NOW + 10, revokedAt) })
  expect(await code(verifyMigrationToken(token, { ...opts, now: NOW + 10, notBefore: revokedAt }))).toBe(
    'accepted',
  )
  const older = await key.signMigrationToken(claims)
  expect(await code(verifyMigrationToken(older, { ...opts, notBefore: revokedAt }))).toBe('Revoked')
})

test('a token begins and expires exactly to the second', async () => {
  const token = await key.signMigrationToken(claims)
  const at = (now: number) => code(verifyMigrationToken(token, { ...opts, now }))
  expect(await at(claims.exp * 1000 - 1)).toBe('accepted')
  expect(await at(claims.exp * 1000)).toBe('Expired')
  expect(await at((claims.iat - 60) * 1000)).toBe('accepted')
  expect(await at((claims.iat - 61) * 1000)).toBe('FromFuture')
})

const other = await Secp256k1Keypair.create()
const p256 = await P256Keypair.create()
const good = await key.signMigrationToken(claims)
const [goodHeader = '', goodPayload = '', goodSig = ''] = good.split('.')
/** The last character of 64 bytes carries 4 unused bits: this one spells the same bytes differently. */
const otherSpelling = goodSig.slice(0, -1) + String.fromCharCode(goodSig.charCodeAt(goodSig.length - 1) + 1)
const raw = async (header: string, payload: string) => {
  const signed = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
  return `${signed}.${Buffer.from(await bare.sign(Buffer.from(signed))).toString('base64url')}`
}

const HOSTILE: [string, string, string | Promise<string>][] = [
  ['is empty', 'Malformed', ''],
  ['has two parts', 'Malformed', `${goodHeader}.${goodPayload}`],
  ['has four parts', 'Malformed', `${good}.x`],
  ['is longer than 16 KB', 'Malformed', `${goodHeader}.${'A'.repeat(17_000)}.${goodSig}`],
  ['is padded', 'Malformed', `${good}==`],
  ['has white space', 'Malformed', `${good}\n`],
  ['uses the other base64 alphabet', 'Malformed', `${goodHeader}.${goodPayload}.${'+/'.repeat(43)}`],
  ['spells its signature another way', 'Malformed', `${goodHeader}.${goodPayload}.${otherSpelling}`],
  ['has a header that is not JSON', 'Malformed', raw('{', '{}')],
  ['has a header that is a list', 'Malformed', raw('[]', '{}')],
  ['has a payload that is null', 'Malformed', raw(JSON.stringify(HEADER), 'null')],
  [
    'names its alg twice',
    'Malformed',
    raw('{"alg":"none","alg":"ES256K","typ":"cirrus-migration+jwt"}', '{}'),
  ],
  ['names iss twice, once escaped', 'Malformed', raw(JSON.stringify(HEADER), '{"iss":"a","i\\u0073s":"b"}')],
  [
    'has invalid UTF-8',
    'Malformed',
    `${goodHeader}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AA`,
  ],
  ['has crit', 'Malformed', forge({ ...HEADER, crit: ['exp'] }, claims)],
  ['has an empty crit', 'Malformed', forge({ ...HEADER, crit: [] }, claims)],
  ['has alg none and no signature', 'WrongAlg', `${part({ ...HEADER, alg: 'none' })}.${goodPayload}.`],
  ['has alg none and a signature', 'WrongAlg', forge({ ...HEADER, alg: 'none' }, claims)],
  ['has no alg', 'WrongAlg', forge({ typ: HEADER.typ }, claims)],
  ['has alg in lower case', 'WrongAlg', forge({ ...HEADER, alg: 'es256k' }, claims)],
  ['is ES256 under a P-256 key', 'WrongAlg', forge({ ...HEADER, alg: 'ES256' }, claims, (b) => p256.sign(b))],
  ['says ES256 over our own signature', 'WrongAlg', forge({ ...HEADER, alg: 'ES256' }, claims)],
  ['is HS256 with the public key as secret', 'WrongAlg', forge({ ...HEADER, alg: 'HS256' }, claims)],
  ['says ES256K but is signed with P-256', 'BadSignature', forge(HEADER, claims, (b) => p256.sign(b))],
  ['is signed by another key', 'BadSignature', forge(HEADER, claims, (b) => other.sign(b))],
  [
    'brings its own key',
    'BadSignature',
    forge({ ...HEADER, jwk: {}, kid: other.did() }, claims, (b) => other.sign(b)),
  ],
  [
    'has a high-S signature',
    'BadSignature',
    forge(HEADER, claims, async (b) => highS(await bare.sign(b), 'k256')),
  ],
  ['has a DER signature', 'BadSignature', forge(HEADER, claims, async (b) => der(await bare.sign(b)))],
  ['has no signature', 'BadSignature', `${goodHeader}.${goodPayload}.`],
  ['has a signature of zeros', 'BadSignature', forge(HEADER, claims, async () => new Uint8Array(64))],
  ['has a signature of 65 bytes', 'BadSignature', forge(HEADER, claims, async () => new Uint8Array(65))],
  [
    'has a changed payload',
    'BadSignature',
    `${goodHeader}.${part({ ...claims, scope: SCOPES.join(' ') })}.${goodSig}`,
  ],
  ['has no typ', 'WrongType', forge({ alg: 'ES256K' }, claims)],
  ['is a service token by typ', 'WrongType', forge({ alg: 'ES256K', typ: 'JWT' }, claims)],
  ['is a manifest by typ', 'WrongType', forge({ alg: 'ES256K', typ: 'cirrus-manifest+jwt' }, claims)],
  ['has typ in upper case', 'WrongType', forge({ alg: 'ES256K', typ: 'CIRRUS-MIGRATION+JWT' }, claims)],
  [
    'is for another account',
    'WrongIssuer',
    forge(HEADER, { ...claims, iss: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' }),
  ],
  ['is untargeted for another server', 'WrongAudience', forge(HEADER, { ...claims, aud: TARGET_DID })],
  ['lives for more than 900 seconds', 'TooLong', forge(HEADER, { ...claims, exp: claims.iat + 901 })],
  [
    'is issued in the future',
    'FromFuture',
    forge(HEADER, { ...claims, iat: claims.iat + 100, exp: claims.iat + 200 }),
  ],
  ['ends before it begins', 'BadClaims', forge(HEADER, { ...claims, exp: claims.iat - 1 })],
  ['has a fractional exp', 'BadClaims', forge(HEADER, { ...claims, exp: claims.exp + 0.5 })],
  ['has exp as text', 'BadClaims', forge(HEADER, { ...claims, exp: String(claims.exp) })],
  ['has no exp', 'BadClaims', forge(HEADER, { ...claims, exp: undefined })],
  ['has no jti', 'BadClaims', forge(HEADER, { ...claims, jti: undefined })],
  ['has a list as aud', 'BadClaims', forge(HEADER, { ...claims, aud: [SERVICE_DID] })],
  ['has a scope that does not exist yet', 'BadClaims', forge(HEADER, { ...claims, scope: 'repo:write' })],
  ['has an unknown claim', 'BadClaims', forge(HEADER, { ...claims, admin: true })],
  ['has a target with a path', 'BadClaims', forge(HEADER, { ...targeted, target: `${TARGET}/` })],
  ['has another lxm', 'BadClaims', forge(HEADER, { ...targeted, lxm: 'com.atproto.repo.createRecord' })],
  ['signs PLC operations without plc data', 'BadClaims', forge(HEADER, { ...claims, plc: undefined })],
]

test.each(HOSTILE)('a token that %s is refused as %s', async (_, expected, token) => {
  expect(await code(verifyMigrationToken(await token, opts))).toBe(expected)
})

test('no error message contains a piece of the token', async () => {
  for (const [, , token] of HOSTILE) {
    const text = await token
    const message = await verifyMigrationToken(text, opts).catch((cause: Error) => cause.message)
    for (const piece of text.split('.').filter((each) => each.length > 8))
      expect(message).not.toContain(piece)
  }
})

test('a token with one character changed is refused', async () => {
  for (let i = 0; i < good.length; i += 7) {
    const changed = good.slice(0, i) + (good[i] === 'A' ? 'B' : 'A') + good.slice(i + 1)
    expect(await code(verifyMigrationToken(changed, opts))).not.toBe('accepted')
  }
})

test('a scope claim with an unknown, repeated or empty scope is refused', () => {
  expect(parseScope('repo:read blob:read')).toEqual(['repo:read', 'blob:read'])
  for (const bad of [
    '',
    ' ',
    'repo:read ',
    'repo:read  blob:read',
    'repo:read repo:read',
    'REPO:READ',
    'repo:*',
  ])
    expect(() => parseScope(bad)).toThrow(TokenError)
  expect(DEFAULT_SCOPES).not.toContain('account:deactivate')
})
