/** Migration tokens that must not be believed, on a method that needs one and on one that is public. */
import { Buffer } from 'node:buffer'
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, it } from 'vitest'
import type { MigrationClaims } from '../../src/signing/migrationToken.ts'
import { failure, logIn, partOf } from './support/calls.ts'
import { newKey } from './support/keys.ts'
import { inWorld, SERVICE, type World } from './support/world.ts'

const HEADER = { alg: 'ES256K', typ: 'cirrus-migration+jwt' }

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** The claims of a token that was just minted. */
const mintClaims = async (world: World): Promise<MigrationClaims> => partOf(await world.mint(), 1)

/** A token of any shape, signed by any key. */
const forge = async (
  header: object,
  payload: object,
  key: { sign(bytes: Uint8Array): Promise<Uint8Array> } | undefined,
): Promise<string> => {
  const signed = `${encode(header)}.${encode(payload)}`
  const sig = key ? Buffer.from(await key.sign(new TextEncoder().encode(signed))).toString('base64url') : ''
  return `${signed}.${sig}`
}

const keypair = (world: World) => Secp256k1Keypair.import(world.key.hex.reveal())

const expectRefused = async (world: World, token: string, error = 'InvalidToken') => {
  const { com } = world.bearer(token)
  for (const call of [
    () => com.atproto.server.checkAccountStatus(),
    () => com.atproto.sync.getLatestCommit({ did: world.did }),
  ]) {
    const refused = await failure(call())
    expect(refused).toMatchObject({ status: 400, error })
    expect(refused.message).not.toContain(token)
    expect(refused.message).toContain('docs/troubleshoot.md#')
  }
}

const expectTaken = async (world: World, token: string) => {
  const status = await world.bearer(token).com.atproto.server.checkAccountStatus()
  expect(status.activated).toBe(true)
}

describe('a migration token', () => {
  it('is refused once it has expired, also on public reads', () =>
    inWorld({}, async (world) => {
      const token = await world.mint()
      world.clock.now = (Number(partOf(token, 1).exp) - 1) * 1000
      await expectTaken(world, token)
      world.clock.now += 1000
      await expectRefused(world, token, 'ExpiredToken')
    }))

  it("is refused when it is another account's, for another audience, or signed by another key", () =>
    inWorld({}, async (world) => {
      const claims = await mintClaims(world)
      const other = await newKey()
      const sign = (changes: object) => world.key.signing.signMigrationToken({ ...claims, ...changes })
      await expectRefused(world, await other.signing.signMigrationToken(claims))
      await expectRefused(world, await sign({ iss: `did:plc:${'a'.repeat(24)}` }))
      await expectRefused(world, await sign({ aud: 'did:web:other.example.com' }))
    }))

  it('is refused with alg none, with ES256, HS256 and a P-256 key', () =>
    inWorld({}, async (world) => {
      const claims = await mintClaims(world)
      const key = await keypair(world)
      const p256 = await P256Keypair.create()
      await expectRefused(world, await forge({ ...HEADER, alg: 'none' }, claims, undefined))
      await expectRefused(world, await forge({ ...HEADER, alg: 'none' }, claims, key))
      await expectRefused(world, await forge({ ...HEADER, alg: 'ES256' }, claims, p256))
      await expectRefused(world, await forge(HEADER, claims, p256))
      await expectRefused(world, await forge({ ...HEADER, alg: 'HS256' }, claims, key))
      await expectRefused(world, await forge({ ...HEADER, alg: 'ES256', jwk: { kty: 'EC' } }, claims, key))
    }))

  it('is refused with another typ, and its typ opens nothing else', () =>
    inWorld({}, async (world) => {
      const claims = await mintClaims(world)
      const key = await keypair(world)
      for (const typ of [
        'JWT',
        'at+jwt',
        'refresh+jwt',
        'cirrus-manifest+jwt',
        'CIRRUS-MIGRATION+JWT',
        undefined,
      ])
        await expectRefused(world, await forge({ alg: 'ES256K', typ }, claims, key))
      const { accessJwt } = await logIn(world.client)
      const [, payload, sig] = accessJwt.split('.')
      await expectRefused(world, `${encode({ alg: 'HS256', typ: HEADER.typ })}.${payload}.${sig}`)
      const { manifest } = await world.admin.com.cirrus.admin.getManifest()
      await expectRefused(world, manifest)
      const owner = world.bearer(accessJwt)
      const lxm = 'com.atproto.repo.uploadBlob'
      const { token } = await owner.com.atproto.server.getServiceAuth({ aud: SERVICE, lxm })
      await expectRefused(world, token)
    }))

  it('is refused when it lives too long, begins in the future, or carries more than it may', () =>
    inWorld({}, async (world) => {
      const claims = await mintClaims(world)
      const key = await keypair(world)
      const later = (seconds: number) => ({ iat: claims.iat + seconds, exp: claims.exp + seconds })
      await expectRefused(world, await forge(HEADER, { ...claims, exp: claims.iat + 901 }, key))
      await expectRefused(world, await forge(HEADER, { ...claims, ...later(62) }, key))
      await expectTaken(world, await forge(HEADER, { ...claims, ...later(60) }, key))
      await expectRefused(world, await forge(HEADER, { ...claims, admin: true }, key))
      await expectRefused(world, await forge(HEADER, { ...claims, scope: `${claims.scope} repo:write` }, key))
      await expectRefused(world, await forge({ ...HEADER, crit: ['b64'] }, claims, key))
    }))

  it('is refused after revokeMigrationTokens, and the next one is good at once', () =>
    inWorld({}, async (world) => {
      const { revokeMigrationTokens } = world.admin.com.cirrus.admin
      const token = await world.mint()
      const { tokensNotBefore } = await revokeMigrationTokens()
      expect(Date.parse(tokensNotBefore)).toBe(world.clock.now)
      await expectRefused(world, token)
      const next = await world.mint()
      await expectTaken(world, next)
      await revokeMigrationTokens()
      await expectRefused(world, next)
      await expectTaken(world, await world.mint())
      expect(world.journal()).toContain('revoke-tokens')
    }))

  it('is refused with a byte changed, a padded signature, and a high S', () =>
    inWorld({}, async (world) => {
      const token = await world.mint()
      const [header = '', payload = '', sig = ''] = token.split('.')
      const more = encode({ ...partOf<object>(token, 1), scope: 'repo:read account:deactivate plc:sign' })
      await expectRefused(world, `${header}.${more}.${sig}`)
      await expectRefused(world, `${header}.${payload}.${sig}=`)
      const bytes = Buffer.from(sig, 'base64url')
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
      const high = (order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0')
      const malleable = Buffer.concat([bytes.subarray(0, 32), Buffer.from(high, 'hex')]).toString('base64url')
      await expectRefused(world, `${header}.${payload}.${malleable}`)
    }))
})
