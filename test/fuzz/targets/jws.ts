import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { KeyError, TokenError } from '../../../src/crypto/errors.ts'
import { decodeJws } from '../../../src/crypto/jws.ts'
import {
  CREATE_ACCOUNT,
  DEFAULT_SCOPES,
  looksLikeMigrationToken,
  MIGRATION_TYP,
  verifyMigrationToken,
  verifyTargetedToken,
} from '../../../src/signing/migrationToken.ts'
import { serviceTokenIssuer, verifyServiceToken } from '../../../src/signing/serviceToken.ts'
import { createSessionTokens } from '../../../src/signing/sessionTokens.ts'
import { DID, highS, der, NOW, SERVICE_DID, testSecret } from '../../crypto/support.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'
import { plain } from './same.ts'

const k256 = await Secp256k1Keypair.import(testSecret('fuzz jws').reveal())
const p256 = await P256Keypair.import(testSecret('fuzz jws').reveal())
const sessions = createSessionTokens(testSecret('fuzz session'), testSecret('fuzz hash'))
const session = {
  access: await sessions.mintAccess({ did: DID, aud: SERVICE_DID, sid: 'abc', kind: 'session', now: NOW }),
  refresh: await sessions.mintRefresh({ did: DID, aud: SERVICE_DID, sid: 'abc', jti: 'def', now: NOW }),
}
const iat = Math.floor(NOW / 1000)

const plc = {
  prev: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
  rotationKeys: [k256.did(), p256.did()],
  verificationMethods: { atproto: k256.did() },
  alsoKnownAs: ['at://alice.example'],
  services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://cirrus.example' } },
}
const migration = {
  iss: DID,
  aud: SERVICE_DID,
  iat,
  exp: iat + 900,
  jti: '0123456789abcdef0123456789abcdef',
  scope: DEFAULT_SCOPES.join(' '),
  plc,
}
const service = { iat, iss: DID, aud: SERVICE_DID, exp: iat + 60, lxm: CREATE_ACCOUNT, jti: 'x' }

const BASES: { header: Json; payload: Json }[] = [
  { header: { alg: 'ES256K', typ: MIGRATION_TYP }, payload: migration },
  {
    header: { alg: 'ES256K', typ: MIGRATION_TYP },
    payload: { ...migration, aud: 'did:web:new.example', target: 'https://new.example', lxm: CREATE_ACCOUNT },
  },
  { header: { alg: 'ES256K', typ: 'JWT' }, payload: service },
  { header: { alg: 'ES256', typ: 'JWT' }, payload: service },
]

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

/** White space, now and then more of it than a reader may look ahead. */
const blank = (random: Random): string =>
  random.pick([' ', '\t', '\r\n']).repeat(random.pick([0, 1, 64, 70, 400]))

/** The names in a JSON text, counted without the parser under test. */
const namesIn = (json: string): number =>
  [...json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)].filter(([, colon]) => colon !== undefined).length

const membersOf = (value: unknown): number =>
  typeof value !== 'object' || value === null
    ? 0
    : Object.values(value).reduce<number>(
        (sum, member) => sum + membersOf(member),
        Array.isArray(value) ? 0 : Object.keys(value).length,
      )

const part = (value: Json, random: Random, wild: boolean): string => {
  const json = jsonText(wild && random.chance(0.7) ? mutateJson(value, random) : value)
  // Duplicate names, white space and other escapes, which some parsers read as the same JSON.
  const text = !wild
    ? json
    : random.pick([
        () => json,
        () => json.replace('{', `{"alg":"none","exp":1,"iss":"${DID}",`),
        () => json.replaceAll('":', `"${blank(random)}:${blank(random)}`),
        () =>
          json.replace('{', `{"alg"${blank(random)}:"none","aud"${blank(random)}:"did:web:other.example",`),
        () => json.replace(/"a/g, '"\\u0061'),
      ])()
  const bytes = Buffer.from(text)
  return base64url(wild && random.chance(0.1) ? mutateBytes(bytes, random) : bytes)
}

const signature = async (signed: Uint8Array, random: Random): Promise<Uint8Array> => {
  const good = await (random.chance(0.75) ? k256 : p256).sign(signed)
  if (random.chance(0.8)) return good
  const zero = new Uint8Array(32)
  return random.pick([
    () => mutateBytes(good, random),
    () => highS(good, 'k256'),
    () => der(good),
    () => new Uint8Array(64),
    () => new Uint8Array(64).fill(255),
    () => Uint8Array.from([...good.subarray(0, 32), ...zero]),
    () => Uint8Array.from([...zero, ...good.subarray(32)]),
    () => Uint8Array.from([...good, 0]),
    () => Uint8Array.from([...good, 27]),
    () => new Uint8Array(0),
  ])()
}

/** Why it is refused; nothing if it is accepted. */
const refusal = async (work: () => unknown): Promise<Error | undefined> => {
  try {
    await work()
    return undefined
  } catch (cause) {
    // An error that is not a typed one ends the run.
    if (cause instanceof TokenError || cause instanceof KeyError) return cause
    throw cause
  }
}

/** Every reader of tokens gets every token. */
export const jws: Target<string, { taken: string[] }> = {
  name: 'jws',
  typed: [TokenError, KeyError],
  generate: async (random) => {
    if (random.chance(0.1)) {
      const token = random.pick([session.access, session.refresh])
      return Buffer.from(mutateBytes(Buffer.from(token), random)).toString('latin1')
    }
    const base = random.pick(BASES)
    const wild = random.chance(0.85)
    const signed = `${part(base.header, random, wild && random.chance(0.4))}.${part(base.payload, random, wild)}`
    const sig = base64url(await signature(Buffer.from(signed), random))
    const token = `${signed}.${sig}${random.chance(0.05) ? '=' : ''}`
    return random.chance(0.15)
      ? Buffer.from(mutateBytes(Buffer.from(token), random)).toString('latin1')
      : token
  },
  run: async (token) => {
    looksLikeMigrationToken(token)
    const ours = { publicDidKey: k256.did(), issuer: DID, now: NOW }
    const foreign = { issuer: DID, audiences: [SERVICE_DID], lxm: CREATE_ACCOUNT, now: NOW }
    const { header } = decodeJws(token)
    const verifiers: [string, () => unknown][] = [
      ['migration', () => verifyMigrationToken(token, { ...ours, serviceDid: SERVICE_DID, notBefore: 0 })],
      ['targeted', () => verifyTargetedToken(token, { ...ours, audience: 'did:web:new.example' })],
      ['service', () => verifyServiceToken(token, { ...foreign, didKey: k256.did() })],
      ['service of P-256', () => verifyServiceToken(token, { ...foreign, didKey: p256.did() })],
      ['access', () => sessions.verifyAccess(token, NOW)],
      ['refresh', () => sessions.verifyRefresh(token, NOW)],
    ]
    await refusal(() => serviceTokenIssuer(token))
    const taken: string[] = []
    const refused = new Map<string, Error>()
    for (const [name, verify] of verifiers) {
      const cause = await refusal(verify)
      if (cause) refused.set(name, cause)
      else taken.push(name)
    }
    if (taken.length > 0) return { taken }
    throw (
      refused.get(header.typ === 'JWT' ? 'service' : 'migration') ?? new Error('neither accepted nor refused')
    )
  },
  check: (token, { taken }) => {
    const { header, payload, signature } = decodeJws(token)
    const parts = token.split('.')
    const again = [0, 1].map((i) => base64url(Buffer.from(parts[i] ?? '', 'base64url')))
    if ([...again, base64url(signature)].join('.') !== token)
      throw new Error('another spelling of the same token')
    for (const [n, value] of [header, payload].entries())
      if (namesIn(Buffer.from(parts[n] ?? '', 'base64url').toString()) !== membersOf(value))
        throw new Error('a name of an object is there twice')
    // A targeted token is also one that we minted; no other token is accepted by two verifiers.
    if (taken.length > 1 && taken.join() !== 'migration,targeted')
      throw new Error(`accepted as ${taken.join(' and ')}`)
    const [kind = ''] = taken
    const want = kind.startsWith('service')
      ? 'JWT'
      : kind === 'access'
        ? 'at+jwt'
        : kind === 'refresh'
          ? 'refresh+jwt'
          : MIGRATION_TYP
    if (header.typ !== want) throw new Error(`typ ${String(header.typ)} accepted as ${kind}`)
    if (Number(payload.exp) * 1000 <= NOW) throw new Error('expired')
    if ((kind === 'migration' || kind === 'targeted') && Number(payload.exp) - Number(payload.iat) > 900)
      throw new Error('too long')
  },
  ...plain,
}
