import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { expect, it } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { createGrantTokenSigner } from '../../src/signing/grantTokens.ts'
import { createSessionTokens } from '../../src/signing/sessionTokens.ts'
import { DID, NOW, SERVICE_DID, testSecret } from '../crypto/support.ts'

const ISSUER = 'https://cirrus.example'
const secret = testSecret('session')
const passwordHash = testSecret('password hash')
const signer = createGrantTokenSigner(secret, passwordHash)
const sessions = createSessionTokens(secret, passwordHash)
const iat = Math.floor(NOW / 1000)
const claims = {
  did: DID,
  aud: SERVICE_DID,
  clientId: 'https://app.example/client.json',
  grant: '0'.repeat(32),
  jkt: 'j'.repeat(43),
  iat,
  exp: iat + 900,
}
const access = await signer.mintAccess({ ...claims, jti: 'j1', issuer: ISSUER })
const refresh = signer.mintRefresh({ grant: claims.grant, jti: '1'.repeat(32) })
const expected = { issuer: [ISSUER], now: NOW }

const code = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

it('an access token says whose it is, for which server, client, grant and key', async () => {
  expect(await signer.verifyAccess(access, expected)).toEqual(claims)
})

it('an access token may be of the longest client_id that is taken', async () => {
  const clientId = `http://localhost?scope=${'x'.repeat(4096 - 23)}`
  const token = await signer.mintAccess({ ...claims, clientId, jti: 'j1', issuer: ISSUER })
  expect((await signer.verifyAccess(token, expected)).clientId).toBe(clientId)
})

it('an access token ends with its time, but still names its grant to sign out', async () => {
  const late = { ...expected, now: NOW + 900_000 }
  expect(await code(signer.verifyAccess(access, late))).toBe('Expired')
  expect(await signer.verifyAccess(access, { ...late, evenExpired: true })).toEqual(claims)
})

it('a session’s token is never a grant’s, nor the reverse', async () => {
  const session = { did: DID, aud: SERVICE_DID, sid: 's', now: NOW }
  const sessionAccess = await sessions.mintAccess({ ...session, kind: 'session' })
  const sessionRefresh = await sessions.mintRefresh({ ...session, jti: 'r' })
  expect(await code(signer.verifyAccess(sessionAccess, expected))).toBe('BadSignature')
  expect(await code(signer.verifyAccess(sessionRefresh, expected))).toBe('WrongType')
  expect(await code(sessions.verifyAccess(access, NOW))).toBe('BadSignature')
  expect(await code(sessions.verifyRefresh(access, NOW))).toBe('WrongType')
  expect(signer.readRefresh(sessionRefresh)).toBeUndefined()
  expect(await code(sessions.verifyRefresh(refresh, NOW))).toBe('Malformed')
})

it('another password or another secret makes every token worthless, white space around the hash does not', async () => {
  for (const other of [
    createGrantTokenSigner(secret, testSecret('another hash')),
    createGrantTokenSigner(testSecret('another secret'), passwordHash),
  ]) {
    expect(await code(other.verifyAccess(access, expected))).toBe('BadSignature')
    expect(other.readRefresh(refresh)).toBeUndefined()
  }
  const same = createGrantTokenSigner(secret, new Secret(` ${passwordHash.reveal()}\n`))
  expect(await code(same.verifyAccess(access, expected))).toBe('accepted')
})

it('a token of another issuer is refused', async () => {
  expect(await code(signer.verifyAccess(access, { ...expected, issuer: ['https://other.example'] }))).toBe(
    'Malformed',
  )
})

it('alg and typ are fixed, and each claim has its form', async () => {
  const key = createHmac('sha256', secret.reveal()).update(`grant:${passwordHash.reveal()}`).digest()
  const forge = (header: { alg: string; typ: string }, changed: Record<string, unknown> = {}) =>
    new SignJWT({
      iss: ISSUER,
      sub: DID,
      aud: SERVICE_DID,
      client_id: 'c',
      grant: 'g',
      cnf: { jkt: 'k' },
      iat,
      exp: iat + 9,
      ...changed,
    })
      .setProtectedHeader(header)
      .sign(key)
  const verify = async (token: Promise<string>) => code(signer.verifyAccess(await token, expected))
  const right = { alg: 'HS256', typ: 'at+jwt' }
  expect(await verify(forge(right))).toBe('accepted')
  expect(await verify(forge({ ...right, typ: 'JWT' }))).toBe('WrongType')
  expect(await verify(forge({ ...right, typ: 'application/at+jwt' }))).toBe('WrongType')
  expect(await verify(forge({ ...right, alg: 'HS512' }))).toBe('WrongAlg')
  for (const changed of [
    { sub: 'alice' },
    { aud: [SERVICE_DID] },
    { client_id: undefined },
    { grant: 7 },
    { cnf: undefined },
    { cnf: { jkt: '' } },
    { iat: '1' },
  ])
    expect(await verify(forge(right, changed))).toMatch(/BadClaims|Malformed/)
  const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${access.split('.')[1]}.`
  expect(await code(signer.verifyAccess(none, expected))).toBe('WrongAlg')
})

it('a refresh token is read only as it was made', () => {
  expect(signer.readRefresh(refresh)).toEqual({ grant: claims.grant, jti: '1'.repeat(32) })
  const [, grant, jti, mac = ''] = refresh.split(/-(?=.)/)
  for (const bad of [
    '',
    'x',
    refresh.slice(0, -1),
    `${refresh}A`,
    refresh.toUpperCase(),
    `ref-${grant}-${'2'.repeat(32)}-${mac}`,
    `ref-${'2'.repeat(32)}-${jti}-${mac}`,
    ` ${refresh}`,
    `${refresh}\n`,
  ])
    expect(signer.readRefresh(bad)).toBeUndefined()
})
