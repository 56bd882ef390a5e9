// Assertions, judged by @simplewebauthn/server too: the verdicts are the same, but where a case says why not.
import { describe, expect, it } from 'vitest'
import { importCoseKey } from '../../src/webauthn/coseKey.ts'
import { WebauthnError } from '../../src/webauthn/webauthnError.ts'
import { ASSERTIONS, COUNTER } from './support/assertions.ts'
import { cbor, createAuthenticator, FLAGS, type Item, type Kind } from './support/authenticator.ts'
import { assertWith, CHALLENGE, judgeAssertion, ORIGIN, registerWith, RP_ID } from './support/judges.ts'

const right = { challenge: CHALLENGE, origin: ORIGIN, rpId: RP_ID }
const KINDS = ['ES256', 'Ed25519', 'RS256'] as const satisfies Kind[]

const registered = async (kind: Kind, counter: number, flags?: number) => {
  const authenticator = createAuthenticator(kind)
  const credential = await registerWith(authenticator.register({ ...right, counter, flags }))
  return { authenticator, credential }
}

describe('an assertion', () => {
  it.each(KINDS)('with %s is accepted', async (kind) => {
    const { authenticator, credential } = await registered(kind, 1)
    const verdict = await judgeAssertion(authenticator.answer({ ...right, counter: 2 }), credential)
    expect(verdict).toEqual({ ours: 'ok', oracle: 'ok' })
  })

  it.each(KINDS)('with %s is refused with the signature of another', async (kind) => {
    const { authenticator, credential } = await registered(kind, 1)
    const editSignature = () => createAuthenticator(kind).sign(Buffer.from('x'))
    const { ours, oracle } = await judgeAssertion(
      authenticator.answer({ ...right, counter: 2, editSignature }),
      credential,
    )
    expect(ours).toBe('BadSignature')
    expect(oracle).not.toBe('ok')
  })

  it('of an authenticator that does not count is accepted again and again', async () => {
    const { authenticator, credential } = await registered('ES256', 0)
    for (const counter of [0, 0])
      expect(await judgeAssertion(authenticator.answer({ ...right, counter }), credential)).toEqual({
        ours: 'ok',
        oracle: 'ok',
      })
  })

  it('of a passkey of which it is not known whether it can be backed up says so', async () => {
    const { authenticator, credential } = await registered('ES256', 0)
    const answer = authenticator.answer({ ...right, flags: FLAGS.up | FLAGS.uv | FLAGS.be | FLAGS.bs })
    const unknown = { ...credential, backup: undefined }
    expect((await judgeAssertion(answer, unknown)).ours).toBe('ok')
    expect((await assertWith(answer, unknown)).backup).toBe('synced')
  })

  for (const { name, make, ours, differs, registered: flags } of ASSERTIONS)
    it(`${name}: ${ours}${differs ? ` (the oracle: ${differs.oracle}; ${differs.why})` : ''}`, async () => {
      const { authenticator, credential } = await registered('ES256', COUNTER, flags)
      const verdict = await judgeAssertion(
        make(authenticator, { ...right, counter: COUNTER + 1 }),
        credential,
      )
      expect(verdict.ours).toBe(ours)
      const wanted = differs?.oracle ?? (ours === 'ok' ? 'ok' : 'refused')
      expect(verdict.oracle === 'ok' ? 'ok' : 'refused').toBe(wanted)
    })
})

describe('a key that signs', () => {
  const rsa = (n: Item, e: Item) =>
    cbor(
      new Map<Item, Item>([
        [1, 3],
        [3, -257],
        [-1, n],
        [-2, e],
      ]),
    )
  const modulus = (bytes: number) => new Uint8Array(bytes).fill(0xff)
  const exponent = Uint8Array.of(1, 0, 1)

  it('takes an RSA key of 2048 to 4096 bits with the exponent 65537', async () => {
    for (const bytes of [256, 384, 512])
      expect((await importCoseKey(rsa(modulus(bytes), exponent))).alg).toBe(-257)
  })

  it.each([
    ['1024 bits', rsa(modulus(128), exponent)],
    ['8192 bits', rsa(modulus(1024), exponent)],
    ['a zero in front', rsa(Uint8Array.of(0, ...modulus(256)), exponent)],
    ['the exponent 3', rsa(modulus(256), Uint8Array.of(3))],
    ['the exponent 3 in three bytes', rsa(modulus(256), Uint8Array.of(0, 0, 3))],
    ['bytes after the key', Buffer.concat([rsa(modulus(256), exponent), Uint8Array.of(0)])],
    [
      'an Ed25519 key of 31 bytes',
      cbor(
        new Map<Item, Item>([
          [1, 1],
          [3, -8],
          [-1, 6],
          [-2, new Uint8Array(31)],
        ]),
      ),
    ],
    [
      'an X25519 key',
      cbor(
        new Map<Item, Item>([
          [1, 1],
          [3, -8],
          [-1, 4],
          [-2, new Uint8Array(32)],
        ]),
      ),
    ],
    [
      'an RSA key that says ES256',
      cbor(
        new Map<Item, Item>([
          [1, 3],
          [3, -7],
          [-1, modulus(256)],
          [-2, exponent],
        ]),
      ),
    ],
    ['no bytes', new Uint8Array(0)],
  ])('refuses %s', async (_, bytes) => {
    await expect(importCoseKey(bytes)).rejects.toBeInstanceOf(WebauthnError)
  })
})
