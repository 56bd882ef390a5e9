import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'

/** CBOR written by hand, so that a test can write what no encoder would. */
export type Item = number | string | Uint8Array | boolean | Item[] | Map<Item, Item> | { raw: Uint8Array }

const head = (major: number, arg: number): number[] => {
  const first = major << 5
  if (arg < 24) return [first | arg]
  if (arg < 0x100) return [first | 24, arg]
  if (arg < 0x10000) return [first | 25, arg >> 8, arg & 255]
  return [first | 26, (arg >>> 24) & 255, (arg >>> 16) & 255, (arg >>> 8) & 255, arg & 255]
}

export const cbor = (item: Item): Uint8Array => {
  if (typeof item === 'number') return Uint8Array.from(item < 0 ? head(1, -1 - item) : head(0, item))
  if (typeof item === 'boolean') return Uint8Array.of(item ? 0xf5 : 0xf4)
  if (typeof item === 'string')
    return Buffer.concat([Uint8Array.from(head(3, Buffer.byteLength(item))), Buffer.from(item)])
  if (item instanceof Uint8Array) return Buffer.concat([Uint8Array.from(head(2, item.length)), item])
  if (Array.isArray(item)) return Buffer.concat([Uint8Array.from(head(4, item.length)), ...item.map(cbor)])
  if (item instanceof Map)
    return Buffer.concat([
      Uint8Array.from(head(5, item.size)),
      ...[...item].flatMap(([key, value]) => [cbor(key), cbor(value)]),
    ])
  return item.raw
}

export const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest()
export const b64u = (data: Uint8Array | string): string => Buffer.from(data).toString('base64url')

export type Kind = 'ES256' | 'Ed25519' | 'RS256'

export const FLAGS = { up: 1, uv: 4, be: 8, bs: 16, at: 64, ed: 128 }

/** What a ceremony is for, and everything that an authenticator or a browser may get wrong in it. */
export interface Ceremony {
  challenge: string
  origin: string
  rpId: string
  type?: string
  flags?: number
  counter?: number
  userHandle?: string
  /** Members that are put into clientDataJSON, in place of others of the same name. */
  clientData?: Record<string, unknown>
  /** The bytes of clientDataJSON, from those that it would have. */
  editClientData?: (json: string) => string | Uint8Array
  /** CBOR after the fixed part, with the flag ED. */
  extensions?: Item
  /** The COSE key in place of the right one. */
  coseKey?: Item
  editAuthData?: (bytes: Buffer) => Uint8Array
  /** The id that the authenticator names. */
  credentialId?: Uint8Array
  fmt?: string
  attStmt?: Item
  editAttestation?: (bytes: Buffer) => Uint8Array
  editSignature?: (signature: Buffer) => Uint8Array
  /** What is signed in place of what should be. */
  signed?: Uint8Array
}

export interface RegistrationJson {
  id: string
  rawId: string
  type: 'public-key'
  clientExtensionResults: Record<string, never>
  response: { clientDataJSON: string; attestationObject: string }
}

export interface AssertionJson {
  id: string
  rawId: string
  type: 'public-key'
  clientExtensionResults: Record<string, never>
  response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle?: string }
}

const jwkBytes = (key: KeyObject, name: 'x' | 'y' | 'n' | 'e'): Uint8Array =>
  Buffer.from(String(key.export({ format: 'jwk' })[name]), 'base64url')

const newKey = (kind: Kind): KeyObject => {
  if (kind === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

const coseOf = (kind: Kind, key: KeyObject): Map<Item, Item> => {
  const entries: Record<Kind, () => [Item, Item][]> = {
    ES256: () => [
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, jwkBytes(key, 'x')],
      [-3, jwkBytes(key, 'y')],
    ],
    Ed25519: () => [
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, jwkBytes(key, 'x')],
    ],
    RS256: () => [
      [1, 3],
      [3, -257],
      [-1, jwkBytes(key, 'n')],
      [-2, jwkBytes(key, 'e')],
    ],
  }
  return new Map(entries[kind]())
}

/**
 * An authenticator with one passkey, in software: it answers as a browser would give its answers to a page. Its key is new,
 * or `jwk`.
 */
export const createAuthenticator = (
  kind: Kind = 'ES256',
  { id = sha256(kind), jwk }: { id?: Uint8Array; jwk?: JsonWebKey } = {},
) => {
  const privateKey = jwk ? createPrivateKey({ key: jwk, format: 'jwk' }) : newKey(kind)
  const key = coseOf(kind, createPublicKey(privateKey))
  let counter = 0

  const clientDataOf = (type: string, ceremony: Ceremony): Uint8Array => {
    const { challenge, origin, clientData, editClientData } = ceremony
    const json = JSON.stringify({ type, challenge, origin, crossOrigin: false, ...clientData })
    return Buffer.from(editClientData?.(json) ?? json)
  }

  const authDataOf = (ceremony: Ceremony, flags: number, credential?: Uint8Array): Uint8Array => {
    const { rpId, extensions, editAuthData } = ceremony
    const count = Buffer.alloc(4)
    count.writeUInt32BE(ceremony.counter ?? ++counter)
    const bytes = Buffer.concat([
      sha256(rpId),
      Uint8Array.of(flags),
      count,
      ...(credential ? [credential] : []),
      ...(extensions === undefined ? [] : [cbor(extensions)]),
    ])
    return editAuthData?.(bytes) ?? bytes
  }

  const signatureOf = (data: Uint8Array): Buffer =>
    sign(kind === 'Ed25519' ? null : 'sha256', data, privateKey)

  return {
    id: b64u(id),
    /** The COSE key's members. */
    key,
    sign: signatureOf,

    register: (ceremony: Ceremony): RegistrationJson => {
      const { flags = FLAGS.up | FLAGS.uv | FLAGS.at, fmt = 'none', attStmt = new Map() } = ceremony
      const named = ceremony.credentialId ?? id
      const length = Buffer.alloc(2)
      length.writeUInt16BE(named.length)
      const credential = Buffer.concat([Buffer.alloc(16), length, named, cbor(ceremony.coseKey ?? key)])
      const authData = authDataOf(ceremony, flags, flags & FLAGS.at ? credential : undefined)
      const attestation = Buffer.from(
        cbor(
          new Map<Item, Item>([
            ['fmt', fmt],
            ['attStmt', attStmt],
            ['authData', authData],
          ]),
        ),
      )
      return {
        id: b64u(id),
        rawId: b64u(id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: b64u(clientDataOf(ceremony.type ?? 'webauthn.create', ceremony)),
          attestationObject: b64u(ceremony.editAttestation?.(attestation) ?? attestation),
        },
      }
    },

    answer: (ceremony: Ceremony): AssertionJson => {
      const clientData = clientDataOf(ceremony.type ?? 'webauthn.get', ceremony)
      const authData = authDataOf(ceremony, ceremony.flags ?? FLAGS.up | FLAGS.uv)
      const signature = signatureOf(ceremony.signed ?? Buffer.concat([authData, sha256(clientData)]))
      return {
        id: b64u(id),
        rawId: b64u(id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: b64u(clientData),
          authenticatorData: b64u(authData),
          signature: b64u(ceremony.editSignature?.(signature) ?? signature),
          ...(ceremony.userHandle !== undefined && { userHandle: ceremony.userHandle }),
        },
      }
    },
  }
}

export type Authenticator = ReturnType<typeof createAuthenticator>
