import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { generateKey } from '../../src/crypto/privateKey.ts'
import { loadRotationKey, loadSigningKey } from '../../src/signing/keys.ts'
import { hashPassword, verifyPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { createSessionTokens } from '../../src/signing/sessionTokens.ts'
import { testRandom, testSecret } from './support.ts'

const CANARY = 'canary-5f0e'

test('a secret is not shown by any form of printing', () => {
  const secret = new Secret(CANARY)
  const seen = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: [secret] }, { showHidden: true, depth: 9, getters: true }),
    Object.entries(secret).join(),
    JSON.stringify(structuredClone({ ...secret })),
    secret + '',
  ]
  expect(seen.filter((text) => text.includes(CANARY))).toEqual([])
  expect(String(secret)).toBe('[secret]')
  expect(JSON.stringify(secret)).toBe('"[secret]"')
  expect(inspect(secret)).toBe('[secret]')
  expect(secret.reveal()).toBe(CANARY)
})

const failure = async (work: () => unknown): Promise<unknown> => {
  try {
    await work()
  } catch (cause) {
    return cause
  }
  throw new Error('expected a failure')
}

test.each([
  ['too short', `${CANARY}`],
  ['not hex', `${CANARY}`.padEnd(64, 'x')],
  ['zero', '0'.repeat(64)],
  ['above the order of the curve', 'f'.repeat(64)],
])('a key that is %s is refused, and the error does not contain it', async (_, value) => {
  for (const load of [loadSigningKey, loadRotationKey]) {
    const cause = await failure(() => load(new Secret(value)))
    expect(cause).toMatchObject({ name: 'KeyError', code: 'BadSecret' })
    expect(inspect(cause, { depth: 9, showHidden: true })).not.toContain(value)
  }
})

test('printing a loaded key does not show its bytes', async () => {
  const secret = testSecret('canary')
  const keys = [await loadSigningKey(secret), await loadRotationKey(secret)]
  const hex = secret.reveal()
  const bytes = Buffer.from(hex, 'hex')
  const keypair = (await loadSigningKey(secret)).commitKeypair('did:web:a.example')
  for (const text of [
    inspect([keys, keypair], { depth: 9, showHidden: true }),
    JSON.stringify([keys, keypair]),
  ]) {
    expect(text).not.toContain(hex)
    expect(text).not.toContain(bytes.subarray(0, 8).join(', '))
  }
  expect(Object.keys(keypair).toSorted()).toEqual(['did', 'jwtAlg', 'sign'])
})

test('a bad session secret or password hash is refused, and the error does not contain it', async () => {
  expect(
    inspect(await failure(() => createSessionTokens(new Secret(CANARY), new Secret(CANARY)))),
  ).not.toContain(CANARY)
  for (const stored of [
    CANARY,
    `scrypt$16384$8$5$${CANARY}$x`,
    'scrypt$9999999$99$99$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43),
    'scrypt$16383$8$5$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43),
  ]) {
    const cause = await failure(() => verifyPassword(new Secret('x'), new Secret(stored)))
    expect(cause).toMatchObject({ code: 'BadSecret' })
    expect(inspect(cause)).not.toContain(stored)
  }
  const cause = await failure(() => hashPassword(new Secret(CANARY.repeat(99)), testRandom()(16)))
  expect(inspect(cause)).not.toContain(CANARY)
})

test('a generated key loads, and is different each time', async () => {
  const random = testRandom()
  const [a, b] = [await generateKey(random), await generateKey(random)]
  expect(a.reveal()).not.toBe(b.reveal())
  expect((await loadSigningKey(a)).did).toMatch(/^did:key:zQ3s/)
})
