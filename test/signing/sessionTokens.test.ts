import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { TokenError } from '../../src/crypto/errors.ts'
import { decodeJws } from '../../src/crypto/jws.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { createSessionTokens } from '../../src/signing/sessionTokens.ts'
import { DID, NOW, SERVICE_DID, testSecret } from '../crypto/support.ts'

const secret = testSecret('session')
const passwordHash = testSecret('password hash')
const tokens = createSessionTokens(secret, passwordHash)
const session = { did: DID, aud: SERVICE_DID, sid: 'session-1', now: NOW }
const access = await tokens.mintAccess({ ...session, kind: 'session' })
const refresh = await tokens.mintRefresh({ ...session, jti: 'refresh-1' })

const code = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'accepted'
  } catch (cause) {
    return cause instanceof TokenError ? cause.code : String(cause)
  }
}

test('session tokens carry the id of their session, so that it can be ended', async () => {
  expect(await tokens.verifyAccess(access, NOW)).toMatchObject({
    did: DID,
    aud: SERVICE_DID,
    sid: 'session-1',
  })
  expect(await tokens.verifyRefresh(refresh, NOW)).toMatchObject({ sid: 'session-1', jti: 'refresh-1' })
})

test.each([
  ['session', 'com.atproto.access'],
  ['appPassword', 'com.atproto.appPass'],
  ['appPasswordPrivileged', 'com.atproto.appPassPrivileged'],
] as const)(
  'an access token of the kind %s has the scope %s, and is read as that kind',
  async (kind, scope) => {
    const token = await tokens.mintAccess({ ...session, kind })
    expect(decodeJws(token).payload).toMatchObject({ scope })
    expect((await tokens.verifyAccess(token, NOW)).kind).toBe(kind)
  },
)

test('access tokens are valid for two hours, refresh tokens for 90 days', async () => {
  const { iat } = await tokens.verifyAccess(access, NOW)
  const at = (seconds: number) => (iat + seconds) * 1000
  expect(await code(tokens.verifyAccess(access, at(7199)))).toBe('accepted')
  expect(await code(tokens.verifyAccess(access, at(7200)))).toBe('Expired')
  expect(await code(tokens.verifyRefresh(refresh, at(90 * 86_400 - 1)))).toBe('accepted')
  expect(await code(tokens.verifyRefresh(refresh, at(90 * 86_400)))).toBe('Expired')
})

test('another password hash makes sessions worthless, white space around it does not', async () => {
  const changed = createSessionTokens(secret, testSecret('another hash'))
  expect(await code(changed.verifyAccess(access, NOW))).toBe('BadSignature')
  expect(await code(changed.verifyRefresh(refresh, NOW))).toBe('BadSignature')
  const same = createSessionTokens(secret, new Secret(` ${passwordHash.reveal()}\n`))
  expect(await code(same.verifyAccess(access, NOW))).toBe('accepted')
})

test('an access token is not accepted as a refresh token, nor the reverse, nor anything else as either', async () => {
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
  for (const unknown of ['com.atproto.appPassword', 'appPassword', '', undefined, null, [scope]])
    expect(await verify(forge('HS256', 'at+jwt', { scope: unknown }))).toBe('BadClaims')
  const asRefresh = forge('HS256', 'refresh+jwt', { scope: 'com.atproto.appPass', jti: 'a' })
  expect(await code(tokens.verifyRefresh(await asRefresh, NOW))).toBe('BadClaims')
  expect(await verify(forge('HS256', 'at+jwt', { scope, sid: undefined }))).toBe('BadClaims')
  expect(await verify(forge('HS256', 'at+jwt', { scope, exp: undefined }))).toMatch(/BadClaims|Malformed/)
})
