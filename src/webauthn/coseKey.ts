import { toBase64url } from '../crypto/base64url.ts'
import type { CborReader } from '../repo/cborReader.ts'
import { readBytes, readingCbor, readInteger, readMapSize } from './cborItems.ts'
import { readDerSignature } from './derSignature.ts'
import { WebauthnError } from './webauthnError.ts'

/** The algorithms that a passkey may have, as COSE numbers, the preferred one first: ES256, Ed25519 and RS256. */
export const ALGORITHMS = [-7, -8, -257] as const

export type CoseAlgorithm = (typeof ALGORITHMS)[number]

/** A passkey's public key, ready to verify. */
export interface CoseKey {
  alg: CoseAlgorithm
  /** Whether it has signed `data`. A signature of another form is not one. */
  verify(signature: Uint8Array<ArrayBuffer>, data: Uint8Array<ArrayBuffer>): Promise<boolean>
}

// Labels of COSE_Key (RFC 9052 and 9053).
const KTY = 1
const ALG = 3
const CRV = -1
const X = -2
const Y = -3
const N = -1
const E = -2

const EC2 = { kty: 2, crv: 1, bytes: 32 } as const
const OKP = { kty: 1, crv: 6, bytes: 32 } as const
const RSA = { kty: 3 } as const
/** RSA keys of 2048 to 4096 bits. */
const MIN_MODULUS_BYTES = 256
const MAX_MODULUS_BYTES = 512
/** 65537: the only exponent that authenticators use. */
const EXPONENT = 'AQAB'
/** The longest key that is taken, with its labels. */
const MAX_KEY_BYTES = MAX_MODULUS_BYTES + 64

type Members = ReadonlyMap<number, number | Uint8Array<ArrayBuffer>>

interface Form {
  jwk: JsonWebKey
  algorithm: { name: string; namedCurve?: string; hash?: string }
  /** The signature as WebCrypto takes it; undefined for what is not one. */
  signature(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined
}

const unsupported = (what: string): never => {
  throw new WebauthnError('UnsupportedKey', `the key: ${what}`)
}

const isBytesLabel = (label: number, kty: number): boolean =>
  kty === RSA.kty ? label === N || label === E : label === X || label === Y

/** Reads the members; each label is there once. The type of key comes first, since the meaning of the others depends on it. */
const readMembers = (reader: CborReader): Members => {
  const members = new Map<number, number | Uint8Array<ArrayBuffer>>()
  for (let left = readMapSize(reader); left > 0; left--) {
    const label = readInteger(reader)
    if (members.has(label)) unsupported(`the label ${label} is there twice`)
    if (members.size === 0 && label !== KTY) unsupported('its type does not come first')
    members.set(
      label,
      isBytesLabel(label, Number(members.get(KTY))) ? readBytes(reader) : readInteger(reader),
    )
  }
  return members
}

const expectNumber = (members: Members, label: number, wanted: number): void => {
  const found = members.get(label)
  if (found !== wanted)
    unsupported(`label ${label} is ${typeof found === 'number' ? found : 'missing'}, expected ${wanted}`)
}

/** Bytes under a label as base64url; the length is the only one that is taken, or `least` to `most`. */
const expectBytes = (members: Members, label: number, least: number, most = least): string => {
  const found = members.get(label)
  if (!(found instanceof Uint8Array) || found.length < least || found.length > most)
    return unsupported(`label ${label} does not have ${least === most ? least : `${least} to ${most}`} bytes`)
  return toBase64url(found)
}

/** A parameter that is optional in COSE must not be there (WebAuthn, section 6.5.1.1). */
const expectSize = (members: Members, size: number): void => {
  if (members.size !== size) unsupported(`it has ${members.size} members, expected ${size}`)
}

const FORMS: Record<CoseAlgorithm, (members: Members) => Form> = {
  [-7]: (members) => {
    expectSize(members, 5)
    expectNumber(members, KTY, EC2.kty)
    expectNumber(members, CRV, EC2.crv)
    return {
      jwk: {
        kty: 'EC',
        crv: 'P-256',
        x: expectBytes(members, X, EC2.bytes),
        y: expectBytes(members, Y, EC2.bytes),
      },
      algorithm: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
      signature: readDerSignature,
    }
  },
  [-8]: (members) => {
    expectSize(members, 4)
    expectNumber(members, KTY, OKP.kty)
    expectNumber(members, CRV, OKP.crv)
    return {
      jwk: { kty: 'OKP', crv: 'Ed25519', x: expectBytes(members, X, OKP.bytes) },
      algorithm: { name: 'Ed25519' },
      signature: (bytes) => bytes,
    }
  },
  [-257]: (members) => {
    expectSize(members, 4)
    expectNumber(members, KTY, RSA.kty)
    const e = expectBytes(members, E, 3)
    if (e !== EXPONENT) unsupported('its exponent is not 65537')
    const n = members.get(N)
    if (n instanceof Uint8Array && n[0] === 0) unsupported('its modulus begins with a zero')
    return {
      jwk: { kty: 'RSA', n: expectBytes(members, N, MIN_MODULUS_BYTES, MAX_MODULUS_BYTES), e },
      algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      signature: (bytes) => bytes,
    }
  },
}

const isAlgorithm = (alg: unknown): alg is CoseAlgorithm => ALGORITHMS.some((each) => each === alg)

/** Reads over one COSE key in the input; what it is, `importCoseKey` finds out. */
export const skipCoseKey = (reader: CborReader): void => {
  readMembers(reader)
}

/**
 * Reads a COSE key: ES256 on P-256, Ed25519, or RS256 of 2048 to 4096 bits, with exactly the members that its type
 * needs. A point that is not on the curve is refused here, and not when it is to verify.
 */
export const importCoseKey = async (bytes: Uint8Array): Promise<CoseKey> => {
  if (bytes.length > MAX_KEY_BYTES) unsupported(`it has more than ${MAX_KEY_BYTES} bytes`)
  const members = readingCbor(bytes, (reader) => {
    const found = readMembers(reader)
    if (reader.left > 0) reader.fail('TrailingBytes', 'bytes after the key')
    return found
  })
  const alg = members.get(ALG)
  if (!isAlgorithm(alg)) return unsupported(`its algorithm is none of ${ALGORITHMS.join(', ')}`)
  const { jwk, algorithm, signature: read } = FORMS[alg](members)
  const key = await crypto.subtle
    .importKey('jwk', jwk, algorithm, false, ['verify'])
    .catch((cause: unknown) => {
      throw new WebauthnError('UnsupportedKey', 'the key is not one of its type', { cause })
    })
  return {
    alg,
    verify: async (signature, data) => {
      const raw = read(signature)
      return raw !== undefined && (await crypto.subtle.verify(algorithm, key, raw, data))
    },
  }
}
