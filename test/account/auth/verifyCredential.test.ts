import { expect, it } from 'vitest'
import { createVerifyCredential } from '../../../src/account/auth/verifyCredential.ts'
import type { SessionClaims } from '../../../src/signing/sessionTokens.ts'
import { createSessionTokens } from '../../../src/signing/sessionTokens.ts'
import { DID, NOW, SERVICE_DID, testSecret } from '../../crypto/support.ts'

const RULE = { who: { session: ['active'] }, grant: 'never' } as const
const unused = () => {
  throw new Error('not asked here')
}

const setUp = () => {
  const tokens = createSessionTokens(testSecret('session'), testSecret('password hash'))
  const sessions = new Set(['laptop', 'phone'])
  let now = NOW
  const verify = createVerifyCredential({
    platform: { now: () => now },
    did: DID,
    audiences: [SERVICE_DID],
    signingKey: { did: 'did:key:zQ3s' },
    adminPassword: testSecret('admin'),
    tokens,
    sessions: { exists: (sid) => sessions.has(sid) },
    rateLimits: { assertMayTryAdmin: unused, wrongAdmin: unused },
    knownNetworks: { remember: unused },
    failures: { signIn: () => {}, token: () => {} },
    migrationTokens: { verify: unused },
    verifyMoveInToken: unused,
    verifyGrant: unused,
  })
  const mint = (claims: Partial<SessionClaims> = {}) =>
    tokens.mintAccess({ did: DID, aud: SERVICE_DID, sid: 'laptop', kind: 'session', now, ...claims })
  const present = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    return await verify(new Request('https://pds.test/xrpc/a.b.c', { headers }), RULE).then(
      (credential) => credential.kind,
      (cause: { error: string }) => cause.error,
    )
  }
  return { mint, present, sessions, pass: (ms: number) => (now += ms) }
}

it('a session that ends is refused at once, however often its token was taken before', async () => {
  const { mint, present, sessions } = setUp()
  const [laptop, phone] = [await mint(), await mint({ sid: 'phone' })]
  for (let n = 0; n < 3; n++) expect(await present(laptop)).toBe('session')
  sessions.delete('laptop')
  expect(await present(laptop)).toBe('ExpiredToken')
  expect(await present(phone)).toBe('session')
})

it('a token that has expired is refused, however often it was taken before', async () => {
  const { mint, present, pass } = setUp()
  const token = await mint()
  for (let n = 0; n < 3; n++) expect(await present(token)).toBe('session')
  pass(3 * 3600_000)
  for (let n = 0; n < 2; n++) expect(await present(token)).toBe('ExpiredToken')
})

it.each([
  ['another server', { aud: 'did:web:other.example' }],
  ['another account', { did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' }],
])('a token for %s is refused each time, though its signature is right', async (_, claims) => {
  const { mint, present } = setUp()
  const token = await mint(claims)
  for (let n = 0; n < 3; n++) expect(await present(token)).toBe('InvalidToken')
})
