import { highS } from '../../crypto/support.ts'
import type { Case } from './registrations.ts'
import {
  type AssertionJson,
  b64u,
  type Ceremony,
  createAuthenticator,
  FLAGS,
  type Item,
  sha256,
} from './authenticator.ts'
import { USER_HANDLE } from './judges.ts'

/** The passkey is kept with this counter. */
export const COUNTER = 7

/** `registered`: the flags of the registration before, if not those of a passkey that stays on its device. */
type AssertionCase = Case<AssertionJson> & { registered?: number }

const by =
  (wrong: Partial<Ceremony>): AssertionCase['make'] =>
  (authenticator, right) =>
    authenticator.answer({ ...right, ...wrong })

const edited =
  (edit: (answer: AssertionJson) => AssertionJson): AssertionCase['make'] =>
  (authenticator, right) =>
    edit(authenticator.answer(right))

const response = (changes: Partial<AssertionJson['response']>): AssertionCase['make'] =>
  edited((answer) => ({ ...answer, response: { ...answer.response, ...changes } }))

/** r and s of a DER signature, as it has them. */
const numbersOf = (der: Buffer): [Buffer, Buffer] => {
  const middle = 4 + (der[3] ?? 0)
  return [der.subarray(4, middle), der.subarray(middle + 2)]
}
const derOf = (...numbers: Uint8Array[]): Buffer => {
  const body = Buffer.concat(numbers.map((bytes) => Buffer.concat([Uint8Array.of(2, bytes.length), bytes])))
  return Buffer.concat([Uint8Array.of(0x30, body.length), body])
}
const scalar = (number: Buffer): Buffer => Buffer.concat([Buffer.alloc(32), number]).subarray(-32)
const minimal = (bytes: Buffer): Buffer => {
  const first = bytes.findIndex((byte) => byte !== 0)
  const rest = bytes.subarray(first)
  return (rest[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), rest]) : rest
}
const rawOf = (der: Buffer): Buffer => Buffer.concat(numbersOf(der).map(scalar))

const UP_UV = FLAGS.up | FLAGS.uv
/** Of a passkey that can be synced. */
const SYNCABLE = UP_UV | FLAGS.be
const LEFT_TO_CALLER = 'the oracle leaves it to its caller'
const ONE_FORM = 'a signature has one DER form here'

/** With ES256, and a passkey that is kept with `COUNTER`. */
export const ASSERTIONS: readonly AssertionCase[] = [
  { name: 'as it should be', make: by({}), ours: 'ok' },
  { name: 'with the handle of the user', make: by({ userHandle: USER_HANDLE }), ours: 'ok' },
  { name: 'with an empty handle', make: by({ userHandle: '' }), ours: 'ok' },
  { name: 'the largest counter', make: by({ counter: 0xffffffff }), ours: 'ok' },
  {
    name: 'backed up since it was registered',
    registered: SYNCABLE | FLAGS.at,
    make: by({ flags: SYNCABLE | FLAGS.bs }),
    ours: 'ok',
  },
  {
    name: 'not backed up any more',
    registered: SYNCABLE | FLAGS.bs | FLAGS.at,
    make: by({ flags: SYNCABLE }),
    ours: 'ok',
  },
  {
    name: 'extensions',
    make: by({ flags: UP_UV | FLAGS.ed, extensions: new Map<Item, Item>([['appid', false]]) }),
    ours: 'ok',
  },
  {
    name: 'the other s of the same signature',
    make: by({
      editSignature: (der) => {
        const raw = Buffer.from(highS(rawOf(der), 'p256'))
        return derOf(minimal(raw.subarray(0, 32)), minimal(raw.subarray(32)))
      },
    }),
    ours: 'ok',
  },

  { name: 'a registration', make: by({ type: 'webauthn.create' }), ours: 'WrongType' },
  { name: 'a payment', make: by({ type: 'payment.get' }), ours: 'WrongType' },
  { name: 'another challenge', make: by({ challenge: 'AAAA' }), ours: 'WrongChallenge' },
  { name: 'another origin', make: by({ origin: 'https://evil.example' }), ours: 'WrongOrigin' },
  { name: 'another port', make: by({ origin: 'https://cirrus.example:444' }), ours: 'WrongOrigin' },
  {
    name: 'inside of another site that is named',
    make: by({ clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } }),
    ours: 'CrossOrigin',
  },
  {
    name: 'a top origin alone',
    make: by({ clientData: { topOrigin: 'https://evil.example' } }),
    ours: 'CrossOrigin',
  },
  {
    name: 'inside of another site',
    make: by({ clientData: { crossOrigin: true } }),
    ours: 'CrossOrigin',
    differs: { oracle: 'ok', why: 'the oracle asks only where the browser names the other site' },
  },
  { name: 'another RP ID', make: by({ rpId: 'evil.example' }), ours: 'WrongRpId' },
  { name: 'nobody there', make: by({ flags: FLAGS.uv }), ours: 'NotPresent' },
  { name: 'nobody verified', make: by({ flags: FLAGS.up }), ours: 'NotVerified' },
  { name: 'no flags', make: by({ flags: 0 }), ours: 'NotPresent' },
  { name: 'backed up, and cannot be', make: by({ flags: UP_UV | FLAGS.bs }), ours: 'BadBackupFlags' },
  {
    name: 'can be backed up, and could not be when it was registered',
    make: by({ flags: SYNCABLE }),
    ours: 'BadBackupFlags',
    differs: { oracle: 'ok', why: LEFT_TO_CALLER },
  },
  {
    name: 'cannot be backed up, and could be when it was registered',
    registered: SYNCABLE | FLAGS.at,
    make: by({}),
    ours: 'BadBackupFlags',
    differs: { oracle: 'ok', why: LEFT_TO_CALLER },
  },
  { name: 'the same counter', make: by({ counter: COUNTER }), ours: 'CounterBehind' },
  { name: 'a lower counter', make: by({ counter: COUNTER - 1 }), ours: 'CounterBehind' },
  { name: 'a counter that is zero again', make: by({ counter: 0 }), ours: 'CounterBehind' },
  {
    name: 'the handle of another user',
    make: by({ userHandle: b64u('somebody else') }),
    ours: 'WrongUser',
    differs: { oracle: 'ok', why: LEFT_TO_CALLER },
  },
  {
    name: 'a user handle that is not text',
    make: edited((answer) => ({
      ...answer,
      response: { ...answer.response, userHandle: 1 as unknown as string },
    })),
    ours: 'WrongUser',
  },
  {
    name: 'a byte after the authenticator data',
    make: by({ editAuthData: (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]) }),
    ours: 'Malformed',
  },
  {
    name: 'authenticator data of 36 bytes',
    make: by({ editAuthData: (bytes) => bytes.subarray(0, 36) }),
    ours: 'Malformed',
  },

  {
    name: 'another id than the one that is kept',
    make: edited((answer) => ({ ...answer, id: 'AAAA', rawId: 'AAAA' })),
    ours: 'BadCredentialId',
    differs: { oracle: 'ok', why: LEFT_TO_CALLER },
  },
  {
    name: 'rawId that is not id',
    make: edited((answer) => ({ ...answer, rawId: 'AAAA' })),
    ours: 'Malformed',
  },
  {
    name: 'another type of credential',
    make: edited((answer) => ({ ...answer, type: 'password' as 'public-key' })),
    ours: 'Malformed',
  },
  { name: 'no signature', make: response({ signature: undefined as unknown as string }), ours: 'Malformed' },
  {
    name: 'authenticator data that is not base64url',
    make: response({ authenticatorData: '?' }),
    ours: 'Malformed',
  },
  {
    name: 'an answer of a megabyte',
    make: response({ authenticatorData: 'A'.repeat(2 ** 20) }),
    ours: 'Malformed',
  },

  {
    name: 'the signature of another key',
    make: (authenticator, right) => {
      const other = createAuthenticator()
      return by({ editSignature: () => other.sign(sha256('x')) })(authenticator, right)
    },
    ours: 'BadSignature',
  },
  { name: 'a signature of other bytes', make: by({ signed: Buffer.from('other') }), ours: 'BadSignature' },
  { name: 'an empty signature', make: by({ editSignature: () => new Uint8Array(0) }), ours: 'BadSignature' },
  {
    name: 'flags that were changed after it was signed',
    make: edited((answer) => {
      const bytes = Buffer.from(answer.response.authenticatorData, 'base64url')
      bytes[32] = UP_UV | FLAGS.be
      return { ...answer, response: { ...answer.response, authenticatorData: b64u(bytes) } }
    }),
    ours: 'BadSignature',
  },
  {
    name: 'client data that was changed after it was signed',
    make: edited((answer) => {
      const json = Buffer.from(answer.response.clientDataJSON, 'base64url').toString()
      return {
        ...answer,
        response: { ...answer.response, clientDataJSON: b64u(json.replace('}', ',"x":1}')) },
      }
    }),
    ours: 'BadSignature',
  },
  { name: 'the signature as raw bytes', make: by({ editSignature: rawOf }), ours: 'BadSignature' },
  {
    name: 'r and s exchanged',
    make: by({ editSignature: (der) => derOf(...numbersOf(der).toReversed()) }),
    ours: 'BadSignature',
  },
  {
    name: 'r and s of zero',
    make: by({ editSignature: () => derOf(Uint8Array.of(0), Uint8Array.of(0)) }),
    ours: 'BadSignature',
  },
  {
    name: 'an s of zero',
    make: by({ editSignature: (der) => derOf(numbersOf(der)[0], Uint8Array.of(0)) }),
    ours: 'BadSignature',
  },
  {
    name: 'r and s of the order of the curve',
    make: by({
      editSignature: () => {
        const order = Buffer.from('00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
        return derOf(order, order)
      },
    }),
    ours: 'BadSignature',
  },
  {
    name: 'an s of 33 bytes',
    make: by({
      editSignature: (der) => derOf(numbersOf(der)[0], Buffer.concat([Uint8Array.of(1), Buffer.alloc(32)])),
    }),
    ours: 'BadSignature',
  },
  {
    name: 'a negative r',
    make: by({
      editSignature: (der) =>
        derOf(Buffer.concat([Uint8Array.of(0x80), Buffer.alloc(31, 1)]), numbersOf(der)[1]),
    }),
    ours: 'BadSignature',
  },
  {
    name: 'r without bytes',
    make: by({ editSignature: (der) => derOf(new Uint8Array(0), numbersOf(der)[1]) }),
    ours: 'BadSignature',
  },
  {
    name: 'a zero in front of r that it does not need',
    make: by({
      editSignature: (der) =>
        derOf(
          Buffer.concat([Buffer.alloc(1), scalar(numbersOf(der)[0])]),
          Buffer.concat([Buffer.alloc(2), scalar(numbersOf(der)[1])]),
        ),
    }),
    ours: 'BadSignature',
  },
  {
    name: 'a length of the sequence in two bytes',
    make: by({ editSignature: (der) => Buffer.concat([Uint8Array.of(0x30, 0x81), der.subarray(1)]) }),
    ours: 'BadSignature',
    differs: { oracle: 'ok', why: ONE_FORM },
  },
  {
    name: 'a byte after the signature',
    make: by({ editSignature: (der) => Buffer.concat([der, Uint8Array.of(0)]) }),
    ours: 'BadSignature',
    differs: { oracle: 'ok', why: ONE_FORM },
  },
  {
    name: 'a sequence that is longer than the signature',
    make: by({
      editSignature: (der) => {
        der[1] = (der[1] ?? 0) + 1
        return der
      },
    }),
    ours: 'BadSignature',
  },
  {
    name: 'a signature that ends early',
    make: by({ editSignature: (der) => der.subarray(0, -1) }),
    ours: 'BadSignature',
  },
  {
    name: 'three numbers',
    make: by({ editSignature: (der) => derOf(...numbersOf(der), Uint8Array.of(1)) }),
    ours: 'BadSignature',
    differs: { oracle: 'ok', why: ONE_FORM },
  },
  {
    name: 'one number',
    make: by({ editSignature: (der) => derOf(numbersOf(der)[0]) }),
    ours: 'BadSignature',
  },
]
