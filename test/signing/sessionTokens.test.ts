import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { equalSecret, hashPassword, parseBasic, verifyPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { createSessionTokens } from '../../src/signing/sessionTokens.ts'
import { DID, NOW, SERVICE_DID, testRandom, testSecret } from '../crypto/support.ts'

const secret = testSecret('session')
const passwordHash = testSecret('password hash')
const tokens = createSessionTokens(secret, passwordHash)
const of = { did: DID, aud: SERVICE_DID, sid: 'session-1', now: NOW }
const access = await tokens.mintAccess(of)
const refresh = await tokens.mintRefresh({ ...of, jti: 'refresh-1' })

const code = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

test('sessions carry their id, so that they can be ended', async () => {
  expect(await tokens.verifyAccess(access, NOW)).toMatchObject({
    did: DID,
    aud: SERVICE_DID,
    sid: 'session-1',
  })
  expect(await tokens.verifyRefresh(refresh, NOW)).toMatchObject({ sid: 'session-1', jti: 'refresh-1' })
})

test('access tokens live two hours, refresh tokens 90 days', async () => {
  const { iat } = await tokens.verifyAccess(access, NOW)
  const at = (seconds: number) => (iat + seconds) * 1000
  expect(await code(tokens.verifyAccess(access, at(7199)))).toBe('accepted')
  expect(await code(tokens.verifyAccess(access, at(7200)))).toBe('Expired')
  expect(await code(tokens.verifyRefresh(refresh, at(90 * 86_400 - 1)))).toBe('accepted')
  expect(await code(tokens.verifyRefresh(refresh, at(90 * 86_400)))).toBe('Expired')
})

test('another password makes them worthless, white space around its hash does not', async () => {
  const changed = createSessionTokens(secret, testSecret('another hash'))
  expect(await code(changed.verifyAccess(access, NOW))).toBe('BadSignature')
  expect(await code(changed.verifyRefresh(refresh, NOW))).toBe('BadSignature')
  const same = createSessionTokens(secret, new Secret(` ${passwordHash.reveal()}\n`))
  expect(await code(same.verifyAccess(access, NOW))).toBe('accepted')
})

test('neither passes for the other, nor does anything else', async () => {
  expect(await code(tokens.verifyAccess(refresh, NOW))).toBe('WrongType')
  expect(await code(tokens.verifyRefresh(access, NOW))).toBe('WrongType')
  expect(await code(createSessionTokens(testSecret('other'), passwordHash).verifyAccess(access, NOW))).toBe(
    'BadSignature',
  )
  for (const bad of ['', 'x', 'a.b.c', `${access}=`, access.slice(0, -2), `${access}.x`])
    expect(await code(tokens.verifyAccess(bad, NOW))).toMatch(/Malformed|BadSignature/)
  const key = createHmac('sha256', secret.reveal()).update(`session:${passwordHash.reveal()}`).digest()
  const forge = (alg: string, typ: string, payload: Record<string, unknown>) =>
    new SignJWT({ sub: DID, aud: SERVICE_DID, sid: 's', iat: 1, exp: 9e9, ...payload })
      .setProtectedHeader({ alg, typ })
      .sign(key)
  const verify = async (token: Promise<string>) => code(tokens.verifyAccess(await token, NOW))
  const scope = 'com.atproto.access'
  expect(await verify(forge('HS256', 'at+jwt', { scope }))).toBe('accepted')
  expect(await verify(forge('HS256', 'JWT', { scope }))).toBe('WrongType')
  expect(await verify(forge('HS512', 'at+jwt', { scope }))).toBe('WrongAlg')
  expect(await verify(forge('HS256', 'at+jwt', { scope: 'com.atproto.refresh' }))).toBe('BadClaims')
  expect(await verify(forge('HS256', 'at+jwt', { scope, sid: undefined }))).toBe('BadClaims')
  expect(await verify(forge('HS256', 'at+jwt', { scope, exp: undefined }))).toMatch(/BadClaims|Malformed/)
})

test('a password verifies against its own hash only', async () => {
  const random = testRandom()
  const password = new Secret('correct horse')
  const stored = await hashPassword(password, random(16))
  expect(stored).toMatch(/^scrypt\$16384\$8\$5\$/)
  expect(await hashPassword(password, random(16))).not.toBe(stored)
  expect(await verifyPassword(password, new Secret(stored))).toBe(true)
  for (const wrong of ['', 'correct horsf', 'correct horse ', 'x'.repeat(10_000)])
    expect(await verifyPassword(new Secret(wrong), new Secret(stored))).toBe(false)
})

test('secrets of any lengths are compared', () => {
  expect(equalSecret(new Secret('abc'), new Secret('abc'))).toBe(true)
  for (const other of ['', 'ab', 'abcd', 'abd'])
    expect(equalSecret(new Secret('abc'), new Secret(other))).toBe(false)
})

test('Basic headers are read, others are not', () => {
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
  expect(parseBasic(basic('admin:pass:word'))?.password.reveal()).toBe('pass:word')
  expect(parseBasic(basic('admin:pass'))?.user).toBe('admin')
  expect(parseBasic(basic('admin:').replace('Basic', 'basic'))?.password.reveal()).toBe('')
  for (const bad of [
    '',
    'Basic',
    'Basic ',
    'Bearer YTpi',
    basic('nocolon'),
    'Basic %%%',
    'Basic /w==',
    'Basic YTpi YTpi',
  ])
    expect(parseBasic(bad)).toBeUndefined()
})
