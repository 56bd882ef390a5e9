import { decodeAttestationObject } from '@simplewebauthn/server/helpers'
import { isObject } from '../../../src/isObject.ts'
import { readDerSignature } from '../../../src/webauthn/derSignature.ts'
import { verifyAssertion } from '../../../src/webauthn/verifyAssertion.ts'
import { verifyRegistration } from '../../../src/webauthn/verifyRegistration.ts'
import { WebauthnError } from '../../../src/webauthn/webauthnError.ts'
import {
  type AssertionJson,
  cbor,
  type Ceremony,
  createAuthenticator,
  FLAGS,
  type Item,
  type RegistrationJson,
} from '../../webauthn/support/authenticator.ts'
import {
  CHALLENGE,
  judgeAssertion,
  judgeRegistration,
  ORIGIN,
  RP_ID,
  USER_HANDLE,
} from '../../webauthn/support/judges.ts'
import { mutateBytes } from '../bytes.ts'
import { mutateItem, randomItem, write } from '../cbor.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'
import { plain } from './same.ts'

// Keys of no account: the inputs must be the same in each run. Ed25519 signs the same bytes the same way each time.
const ed25519 = createAuthenticator('Ed25519', {
  jwk: {
    kty: 'OKP',
    crv: 'Ed25519',
    d: 'oVzphmx8fiAbXhPI81h-vmXNNaYgn_MLVZ4WjT-WL88',
    x: 'FL3NFDE9q23NHLRRpYXbYLOQtz4QW3aiqoqs_dvxM7Y',
  },
})
const p256 = createAuthenticator('ES256', {
  jwk: {
    kty: 'EC',
    crv: 'P-256',
    d: 'hw-QeVN_WvtQeV3qxqUzCG6Al7PfSee-12zW09u8r9I',
    x: '2VSOuEWq8qEs7PkSqgJq191pTso1HxMKEAQVGWqovDY',
    y: '58L9GlSgmDoYLAQfpsRJChX9u4r14mtoPKjpZN_yR1k',
  },
})

const RIGHT: Ceremony = { challenge: CHALLENGE, origin: ORIGIN, rpId: RP_ID, counter: 9 }
const EXPECTED = { origin: ORIGIN, rpId: RP_ID, isChallenge: (challenge: string) => challenge === CHALLENGE }
/** Whether they can be backed up is not known, so that answers of both kinds go on to what comes after. */
const CREDENTIALS = [ed25519, p256].map(({ id, key }) => ({
  id,
  key: cbor(key),
  counter: 8,
  backup: undefined,
}))

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64url'))

/** A ceremony with a few things wrong in its bytes. */
const wild = (random: Random): Partial<Ceremony> => ({
  ...(random.chance(0.2) && { flags: random.int(256) }),
  ...(random.chance(0.2) && { counter: random.pick([0, 1, 8, 9, 0xffffffff]) }),
  ...(random.chance(0.2) && {
    coseKey: { raw: random.chance(0.5) ? write(randomItem(random)) : mutateBytes(cbor(p256.key), random) },
  }),
  ...(random.chance(0.2) && {
    flags: FLAGS.up | FLAGS.uv | FLAGS.at | FLAGS.ed,
    extensions: { raw: write(mutateItem(randomItem(random), random)) },
  }),
  ...(random.chance(0.2) && { editAuthData: (bytes: Buffer) => mutateBytes(bytes, random) }),
  ...(random.chance(0.2) && { editAttestation: (bytes: Buffer) => mutateBytes(bytes, random) }),
  ...(random.chance(0.2) && { editSignature: (bytes: Buffer) => mutateBytes(bytes, random) }),
  ...(random.chance(0.2) && {
    editClientData: (json: string) => jsonText(mutateJson(JSON.parse(json) as Json, random)),
  }),
  ...(random.chance(0.1) && { editClientData: (json: string) => mutateBytes(Buffer.from(json), random) }),
  ...(random.chance(0.1) && { attStmt: random.text(random.small(40)) as Item }),
})

/** Which ceremony an answer is of: that of what it has. */
const isRegistration = (answer: unknown): boolean =>
  isObject(answer) && isObject(answer.response) && 'attestationObject' in answer.response

const credentialOf = (answer: unknown) =>
  CREDENTIALS.find(({ id }) => isObject(answer) && answer.id === id) ?? CREDENTIALS[0]

/** Whether a registration has an attestation or extensions: the oracle reads more of them than we do. */
const hasMore = ({ response }: RegistrationJson): boolean => {
  const attestation = decodeAttestationObject(bytesOf(response.attestationObject))
  const flags = attestation.get('authData')[32] ?? 0
  return (
    attestation.get('fmt') !== 'none' || attestation.get('attStmt').size !== 0 || (flags & FLAGS.ed) !== 0
  )
}

/** Answers of authenticators, in JSON: those that are accepted are right for the oracle, too. */
export const webauthn: Target<string> = {
  name: 'webauthn',
  typed: [WebauthnError],
  generate: (random) => {
    const ceremony = { ...RIGHT, ...(random.chance(0.9) && wild(random)) }
    const answer = random.chance(0.5)
      ? random.pick([ed25519, p256]).register(ceremony)
      : ed25519.answer({
          ...ceremony,
          ...(random.chance(0.3) && { userHandle: random.pick([USER_HANDLE, '', 'x']) }),
        })
    const json = JSON.parse(JSON.stringify(answer)) as Json
    return jsonText(random.chance(0.2) ? mutateJson(json, random) : json)
  },
  ...plain,
  run: async (text) => {
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch {
      throw new WebauthnError('Malformed', 'not JSON')
    }
    const credential = credentialOf(answer)
    if (isRegistration(answer) || !credential) return await verifyRegistration(answer, EXPECTED)
    return await verifyAssertion(answer, { ...EXPECTED, credential, userHandle: USER_HANDLE })
  },
  check: async (text) => {
    const answer = JSON.parse(text) as RegistrationJson & AssertionJson
    const credential = credentialOf(answer)
    const judged =
      isRegistration(answer) || !credential
        ? hasMore(answer)
          ? undefined
          : await judgeRegistration(answer)
        : await judgeAssertion(answer, credential)
    if (judged && judged.oracle !== 'ok') throw new Error(`the oracle says: ${judged.oracle}`)
  },
}

/** A number as DER has it. */
const integer = (bytes: Uint8Array): Uint8Array => {
  const first = bytes.findIndex((byte) => byte !== 0)
  const value = bytes.subarray(first < 0 ? bytes.length - 1 : first)
  const padded = (value[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...value) : value
  return Uint8Array.of(2, padded.length, ...padded)
}

/** Signatures in DER: those that are accepted are the only way to write their numbers. */
export const derSignature: Target<Uint8Array, Uint8Array> = {
  name: 'derSignature',
  typed: [WebauthnError],
  generate: (random) => {
    const [r, s] = [random.bytes(32), random.bytes(32)].map((bytes) =>
      integer(bytes.fill(0, 0, random.small(33))),
    )
    const body = Uint8Array.of(...(r ?? []), ...(s ?? []))
    const der = Uint8Array.of(0x30, body.length, ...body)
    return random.chance(0.3) ? der : mutateBytes(der, random)
  },
  run: (der) => {
    const raw = readDerSignature(der)
    if (!raw) throw new WebauthnError('BadSignature', 'not a signature')
    return raw
  },
  check: (der, raw) => {
    const body = Uint8Array.of(...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32)))
    if (Buffer.compare(Uint8Array.of(0x30, body.length, ...body), der) !== 0)
      throw new Error('another spelling of the same signature')
  },
  show: (input) => Buffer.from(input).toString('hex'),
  parse: (shown) => new Uint8Array(Buffer.from(shown, 'hex')),
  mutate: mutateBytes,
}
