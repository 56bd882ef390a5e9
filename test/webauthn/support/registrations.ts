import {
  b64u,
  type Authenticator,
  cbor,
  type Ceremony,
  FLAGS,
  type Item,
  type RegistrationJson,
  sha256,
} from './authenticator.ts'

/** A registration with something wrong or unusual: how it is made, and what is said of it. */
export interface Case<Answer> {
  name: string
  make(authenticator: Authenticator, right: Ceremony): Answer
  ours: string
  /** Where the oracle says otherwise: what it says, and why we do not. */
  differs?: { oracle: 'ok' | 'refused'; why: string }
}

type RegistrationCase = Case<RegistrationJson>

const by =
  (wrong: Partial<Ceremony>): RegistrationCase['make'] =>
  (authenticator, right) =>
    authenticator.register({ ...right, ...wrong })

/** The right COSE key with these members in place of its own; undefined takes one out. */
const withKey =
  (changes: Record<number, Item | undefined>): RegistrationCase['make'] =>
  (authenticator, right) => {
    const key = new Map(authenticator.key)
    for (const [label, value] of Object.entries(changes)) {
      if (value === undefined) key.delete(Number(label))
      else key.set(Number(label), value)
    }
    return authenticator.register({ ...right, coseKey: key })
  }

const edited =
  (edit: (answer: RegistrationJson) => RegistrationJson): RegistrationCase['make'] =>
  (authenticator, right) =>
    edit(authenticator.register(right))

const UP_UV_AT = FLAGS.up | FLAGS.uv | FLAGS.at
const nested = (depth: number): Item => (depth === 0 ? 1 : [nested(depth - 1)])

const NOT_CANONICAL = 'the oracle re-encodes what it reads; bytes have one spelling here'
const EXACT_KEY =
  'a COSE key has exactly the members of its type (WebAuthn, section 6.5.1.1); the oracle looks at them when it verifies'
const USABLE_KEY =
  'the oracle imports the key when it verifies first; here a passkey that could never sign in is not kept'
const CROSS_ORIGIN = 'our pages refuse to be framed; the oracle asks this of assertions only'
const TRUNCATED = 'the oracle takes what is left where a length says more'
const ONE_ID = 'the id that is kept is the one that the authenticator names'

/** With ES256. */
export const REGISTRATIONS: readonly RegistrationCase[] = [
  { name: 'as it should be', make: by({}), ours: 'ok' },
  { name: 'a counter of zero', make: by({ counter: 0 }), ours: 'ok' },
  { name: 'a counter of 2^32 - 1', make: by({ counter: 0xffffffff }), ours: 'ok' },
  { name: 'backed up', make: by({ flags: UP_UV_AT | FLAGS.be | FLAGS.bs }), ours: 'ok' },
  { name: 'may be backed up', make: by({ flags: UP_UV_AT | FLAGS.be }), ours: 'ok' },
  {
    name: 'an id of 16 bytes',
    make: (a, right) => ({
      ...a.register({ ...right, credentialId: sha256('x').subarray(0, 16) }),
      id: b64u(sha256('x').subarray(0, 16)),
      rawId: b64u(sha256('x').subarray(0, 16)),
    }),
    ours: 'ok',
  },
  { name: 'no crossOrigin', make: by({ clientData: { crossOrigin: undefined } }), ours: 'ok' },
  {
    name: 'a member of clientDataJSON that nobody knows',
    make: by({ clientData: { other_keys_can_be_added_here: 'x' } }),
    ours: 'ok',
  },
  {
    name: 'extensions',
    make: by({
      flags: UP_UV_AT | FLAGS.ed,
      extensions: new Map<Item, Item>([
        ['credProtect', 2],
        ['hmac-secret', true],
      ]),
    }),
    ours: 'ok',
  },
  {
    name: 'extensions within extensions',
    make: by({
      flags: UP_UV_AT | FLAGS.ed,
      extensions: new Map<Item, Item>([['x', new Map<Item, Item>([['y', Uint8Array.of(1)]])]]),
    }),
    ours: 'ok',
  },

  { name: 'an assertion', make: by({ type: 'webauthn.get' }), ours: 'WrongType' },
  { name: 'no type', make: by({ clientData: { type: undefined } }), ours: 'WrongType' },
  { name: 'another challenge', make: by({ challenge: 'AAAA' }), ours: 'WrongChallenge' },
  {
    name: 'the challenge with padding',
    make: (a, right) => a.register({ ...right, challenge: `${right.challenge}=` }),
    ours: 'WrongChallenge',
  },
  { name: 'no challenge', make: by({ clientData: { challenge: undefined } }), ours: 'WrongChallenge' },
  {
    name: 'a challenge in a list',
    make: (a, right) => a.register({ ...right, clientData: { challenge: [right.challenge] } }),
    ours: 'WrongChallenge',
  },
  { name: 'another origin', make: by({ origin: 'https://evil.example' }), ours: 'WrongOrigin' },
  { name: 'a subdomain', make: by({ origin: 'https://x.cirrus.example' }), ours: 'WrongOrigin' },
  { name: 'http', make: by({ origin: 'http://cirrus.example' }), ours: 'WrongOrigin' },
  { name: 'another port', make: by({ origin: 'https://cirrus.example:8443' }), ours: 'WrongOrigin' },
  { name: 'a slash after the origin', make: by({ origin: 'https://cirrus.example/' }), ours: 'WrongOrigin' },
  { name: 'the origin in capitals', make: by({ origin: 'https://CIRRUS.example' }), ours: 'WrongOrigin' },
  { name: 'an Android app', make: by({ origin: 'android:apk-key-hash:abc' }), ours: 'WrongOrigin' },
  {
    name: 'inside of another site',
    make: by({ clientData: { crossOrigin: true } }),
    ours: 'CrossOrigin',
    differs: { oracle: 'ok', why: CROSS_ORIGIN },
  },
  {
    name: 'inside of another site that is named',
    make: by({ clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } }),
    ours: 'CrossOrigin',
    differs: { oracle: 'ok', why: CROSS_ORIGIN },
  },
  {
    name: 'a top origin alone',
    make: by({ clientData: { topOrigin: 'https://evil.example' } }),
    ours: 'CrossOrigin',
    differs: { oracle: 'ok', why: CROSS_ORIGIN },
  },
  {
    name: 'crossOrigin as text',
    make: by({ clientData: { crossOrigin: 'false' } }),
    ours: 'CrossOrigin',
    differs: { oracle: 'ok', why: CROSS_ORIGIN },
  },
  {
    name: 'clientDataJSON that is not JSON',
    make: by({ editClientData: (json) => json.slice(1) }),
    ours: 'Malformed',
  },
  {
    name: 'clientDataJSON that is a list',
    make: by({ editClientData: (json) => `[${json}]` }),
    ours: 'Malformed',
  },
  { name: 'clientDataJSON that is null', make: by({ editClientData: () => 'null' }), ours: 'Malformed' },
  {
    name: 'clientDataJSON with the origin twice',
    make: by({ editClientData: (json) => json.replace('{', '{"origin":"https://evil.example",') }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: 'two readers would see two origins' },
  },
  {
    name: 'clientDataJSON that is not UTF-8',
    make: by({
      editClientData: (json) =>
        Buffer.concat([Buffer.from(json.replace('}', ',"x":"')), Uint8Array.of(0xff), Buffer.from('"}')]),
    }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: NOT_CANONICAL },
  },
  { name: 'an empty clientDataJSON', make: by({ editClientData: () => '' }), ours: 'Malformed' },

  { name: 'another RP ID', make: by({ rpId: 'evil.example' }), ours: 'WrongRpId' },
  { name: 'the RP ID of a subdomain', make: by({ rpId: 'x.cirrus.example' }), ours: 'WrongRpId' },
  { name: 'the origin as RP ID', make: by({ rpId: 'https://cirrus.example' }), ours: 'WrongRpId' },
  { name: 'nobody there', make: by({ flags: FLAGS.uv | FLAGS.at }), ours: 'NotPresent' },
  { name: 'nobody verified', make: by({ flags: FLAGS.up | FLAGS.at }), ours: 'NotVerified' },
  { name: 'no flags but the credential', make: by({ flags: FLAGS.at }), ours: 'NotPresent' },
  { name: 'backed up, and cannot be', make: by({ flags: UP_UV_AT | FLAGS.bs }), ours: 'BadBackupFlags' },
  { name: 'no credential', make: by({ flags: FLAGS.up | FLAGS.uv }), ours: 'Malformed' },
  {
    name: 'a credential without its flag',
    make: by({
      editAuthData: (bytes) => {
        bytes[32] = FLAGS.up | FLAGS.uv
        return bytes
      },
    }),
    ours: 'Malformed',
  },
  { name: 'extensions without their flag', make: by({ extensions: new Map() }), ours: 'Malformed' },
  { name: 'the flag of extensions without any', make: by({ flags: UP_UV_AT | FLAGS.ed }), ours: 'Malformed' },
  {
    name: 'extensions that nest too deeply',
    make: by({ flags: UP_UV_AT | FLAGS.ed, extensions: new Map([['x', nested(20)]]) }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: 'CTAP2 allows four levels' },
  },
  {
    name: 'authenticator data of 36 bytes',
    make: by({ editAuthData: (bytes) => bytes.subarray(0, 36) }),
    ours: 'Malformed',
  },
  {
    name: 'authenticator data of 37 bytes that has a credential',
    make: by({ editAuthData: (bytes) => bytes.subarray(0, 37) }),
    ours: 'Malformed',
  },
  {
    name: 'authenticator data that ends inside the length of the id',
    make: by({ editAuthData: (bytes) => bytes.subarray(0, 54) }),
    ours: 'Malformed',
  },
  {
    name: 'authenticator data that ends inside the id',
    make: by({ editAuthData: (bytes) => bytes.subarray(0, 60) }),
    ours: 'Malformed',
  },
  {
    name: 'authenticator data that ends inside the key',
    make: by({ editAuthData: (bytes) => bytes.subarray(0, -5) }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: TRUNCATED },
  },
  {
    name: 'a byte after the authenticator data',
    make: by({ editAuthData: (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]) }),
    ours: 'Malformed',
  },
  {
    name: 'an id of no bytes',
    make: by({ credentialId: new Uint8Array(0) }),
    ours: 'BadCredentialId',
    differs: { oracle: 'ok', why: ONE_ID },
  },
  {
    name: 'an id of 15 bytes',
    make: by({ credentialId: new Uint8Array(15) }),
    ours: 'BadCredentialId',
    differs: { oracle: 'ok', why: 'an id has at least 16 bytes' },
  },
  {
    name: 'an id of 1024 bytes',
    make: by({ credentialId: new Uint8Array(1024) }),
    ours: 'BadCredentialId',
    differs: { oracle: 'ok', why: 'an id has at most 1023 bytes (WebAuthn, section 7.1)' },
  },
  {
    name: 'another id than the answer',
    make: by({ credentialId: sha256('another') }),
    ours: 'BadCredentialId',
    differs: { oracle: 'ok', why: ONE_ID },
  },
  {
    name: 'rawId that is not id',
    make: edited((answer) => ({ ...answer, rawId: 'AAAA' })),
    ours: 'Malformed',
  },
  { name: 'no id', make: edited((answer) => ({ ...answer, id: '', rawId: '' })), ours: 'Malformed' },
  {
    name: 'another type of credential',
    make: edited((answer) => ({ ...answer, type: 'password' as 'public-key' })),
    ours: 'Malformed',
  },

  {
    name: 'an algorithm that workerd does not have (ML-DSA-44)',
    make: withKey({ 3: -48 }),
    ours: 'UnsupportedKey',
  },
  { name: 'ES384', make: withKey({ 3: -35 }), ours: 'UnsupportedKey' },
  { name: 'PS256', make: withKey({ 3: -37 }), ours: 'UnsupportedKey' },
  { name: 'ES256K', make: withKey({ 3: -47 }), ours: 'UnsupportedKey' },
  { name: 'no algorithm', make: withKey({ 3: undefined }), ours: 'UnsupportedKey' },
  {
    name: 'another curve',
    make: withKey({ [-1]: 2 }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: USABLE_KEY },
  },
  {
    name: 'the type of an Ed25519 key',
    make: withKey({ 1: 1 }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: USABLE_KEY },
  },
  {
    name: 'no y',
    make: withKey({ [-3]: undefined }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: EXACT_KEY },
  },
  {
    name: 'y as a sign bit',
    make: withKey({ [-3]: true }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: EXACT_KEY },
  },
  {
    name: 'x of 31 bytes',
    make: withKey({ [-2]: new Uint8Array(31).fill(1) }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: EXACT_KEY },
  },
  {
    name: 'x of 33 bytes',
    make: withKey({ [-2]: new Uint8Array(33).fill(1) }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: EXACT_KEY },
  },
  {
    name: 'a point that is not on the curve',
    make: withKey({ [-2]: new Uint8Array(32).fill(1) }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: USABLE_KEY },
  },
  {
    name: 'the point of zeros',
    make: withKey({ [-2]: new Uint8Array(32), [-3]: new Uint8Array(32) }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: USABLE_KEY },
  },
  {
    name: 'key operations',
    make: withKey({ 4: 2 }),
    ours: 'UnsupportedKey',
    differs: { oracle: 'ok', why: EXACT_KEY },
  },
  { name: 'a key that is not a map', make: by({ coseKey: [1, 2] }), ours: 'Malformed' },
  {
    name: 'a label in more bytes than it needs',
    make: (a, right) =>
      a.register({
        ...right,
        coseKey: { raw: Buffer.concat([Uint8Array.of(0xa5, 0x18, 0x01), cbor(a.key).subarray(2)]) },
      }),
    ours: 'Malformed',
  },
  {
    name: 'a key of indefinite length',
    make: (a, right) =>
      a.register({
        ...right,
        coseKey: { raw: Buffer.concat([Uint8Array.of(0xbf), cbor(a.key).subarray(1), Uint8Array.of(0xff)]) },
      }),
    ours: 'Malformed',
  },
  {
    name: 'a label twice',
    make: (a, right) =>
      a.register({
        ...right,
        coseKey: {
          raw: Buffer.concat([
            Uint8Array.of(0xa6),
            cbor(a.key).subarray(1),
            cbor(-3),
            cbor(new Uint8Array(32)),
          ]),
        },
      }),
    ours: 'UnsupportedKey',
  },

  {
    name: 'bytes after the attestation object',
    make: by({ editAttestation: (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]) }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: NOT_CANONICAL },
  },
  {
    name: 'an attestation object that ends early',
    make: by({ editAttestation: (bytes) => bytes.subarray(0, -1) }),
    ours: 'Malformed',
    differs: { oracle: 'ok', why: TRUNCATED },
  },
  {
    name: 'an empty attestation object',
    make: by({ editAttestation: () => new Uint8Array(0) }),
    ours: 'Malformed',
  },
  {
    name: 'an attestation object that is a list',
    make: by({ editAttestation: () => cbor([1]) }),
    ours: 'Malformed',
  },
  {
    name: 'an attestation object without data',
    make: by({
      editAttestation: () =>
        cbor(
          new Map<Item, Item>([
            ['fmt', 'none'],
            ['attStmt', new Map()],
          ]),
        ),
    }),
    ours: 'Malformed',
  },
  {
    name: 'an attestation object with two million members',
    make: by({ editAttestation: () => Uint8Array.of(0xba, 0, 0x20, 0, 0) }),
    ours: 'Malformed',
  },
  {
    name: 'a format that nobody knows',
    make: by({ fmt: 'other' }),
    ours: 'ok',
    differs: { oracle: 'refused', why: 'no attestation is asked for, and what is sent is not looked at' },
  },
  {
    name: 'a statement of attestation that does not verify',
    make: by({
      fmt: 'packed',
      attStmt: new Map<Item, Item>([
        ['alg', -7],
        ['sig', new Uint8Array(70)],
      ]),
    }),
    ours: 'ok',
    differs: { oracle: 'refused', why: 'no attestation is asked for, and what is sent is not looked at' },
  },
  {
    name: 'the format none with a statement',
    make: by({ attStmt: new Map<Item, Item>([['x', 1]]) }),
    ours: 'ok',
    differs: { oracle: 'refused', why: 'no attestation is asked for, and what is sent is not looked at' },
  },
  {
    name: 'base64 in place of base64url',
    make: edited((answer) => ({
      ...answer,
      response: { ...answer.response, clientDataJSON: `${answer.response.clientDataJSON}=` },
    })),
    ours: 'Malformed',
  },
]
