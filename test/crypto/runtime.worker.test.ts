import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { loadRotationKey, loadSigningKey } from '../../src/signing/keys.ts'
import { verifyMigrationToken } from '../../src/signing/migrationToken.ts'
import { hashPassword, verifyPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { createSessionTokens } from '../../src/signing/sessionTokens.ts'
import { checkUrl, outbound } from '../../src/outbound.ts'
import { createGenesis } from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { parseAuditLog } from '../../src/plc/parse.ts'

// The same code as in the Node tests, in the runtime that it is made for.
const DID = 'did:web:alice.example.com'
const secret = new Secret('1'.repeat(64))
const now = Date.now()

test('tokens and sessions are made and verified in workerd', async () => {
  const key = await loadSigningKey(secret)
  const iat = Math.floor(now / 1000)
  const claims = { iss: DID, aud: DID, iat, exp: iat + 900, jti: '0'.repeat(32), scope: 'repo:read' }
  const token = await key.signMigrationToken(claims)
  const opts = { publicDidKey: key.did, issuer: DID, serviceDid: DID, now, notBefore: 0 }
  expect(await verifyMigrationToken(token, opts)).toEqual(claims)

  const sessions = createSessionTokens(secret, secret)
  const access = await sessions.mintAccess({ did: DID, aud: DID, sid: 's', kind: 'session', now })
  expect((await sessions.verifyAccess(access, now)).sid).toBe('s')
  await expect(sessions.verifyAccess(access, now + 7_200_000)).rejects.toMatchObject({ code: 'Expired' })
})

test('passwords are hashed and verified in workerd', async () => {
  const stored = new Secret(await hashPassword(secret, new Uint8Array(16)))
  expect(await verifyPassword(secret, stored)).toBe(true)
  expect(await verifyPassword(new Secret('x'), stored)).toBe(false)
})

test('a secret is not printed in workerd', () => {
  expect(inspect({ secret })).toBe('{ secret: [secret] }')
  expect(`${secret}${JSON.stringify(secret)}`).toBe('[secret]"[secret]"')
})

test('PLC operations are signed and logs verified in workerd', async () => {
  const key = await loadRotationKey(secret)
  const endpoint = 'https://pds.example.com'
  const { did, operation } = await createGenesis(key, {
    recoveryKeys: [],
    signingKey: key.did,
    handle: 'alice.example.com',
    endpoint,
  })
  const cid = await operationCid(operation)
  const entry = { did, cid, operation, nullified: false, createdAt: new Date(now).toISOString() }
  expect((await verifyLog(did, parseAuditLog([entry]))).head.cid).toBe(cid)
})

test('local addresses are refused in every spelling in workerd', () => {
  const hosts = [
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '１２７.０.０.１',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost',
  ]
  for (const host of hosts) expect(() => checkUrl(`https://${host}/`, { dev: false })).toThrow('refused')
})

test('a redirect is refused in workerd', async () => {
  const answer = () => Promise.resolve(new Response(null, { status: 302, headers: { location: '/' } }))
  const send = outbound({ fetch: answer }, { dev: false })
  await expect(send('https://example.com/')).rejects.toMatchObject({ code: 'Redirect', status: 302 })
})
