import { Buffer } from 'node:buffer'
import { type Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { parseUnsignedOperation } from '../plc/parse.ts'
import type { Operation, UnsignedOperation } from '../plc/types.ts'
import { toBase64url } from '../crypto/base64url.ts'
import { commitKeypair } from './commitKeypair.ts'
import { KeyError } from '../crypto/errors.ts'
import { type ManifestClaims, signManifest } from './manifest.ts'
import { type MigrationClaims, signMigrationToken } from './migrationToken.ts'
import { Secret } from '../crypto/secret.ts'
import { type ServiceClaims, signServiceToken } from './serviceToken.ts'

/** The account's `#atproto` key: it signs what the account says, never bare bytes. */
export interface SigningKey {
  /** did:key. */
  readonly did: string
  /** For `publicKeyMultibase` in DID documents: `z…`. */
  readonly multibase: string
  /** A signer for @atproto/repo that signs unsigned v3 commits of this account only. */
  commitKeypair(accountDid: string): Keypair
  signServiceToken(claims: ServiceClaims): Promise<string>
  signMigrationToken(claims: MigrationClaims): Promise<string>
  signManifest(claims: ManifestClaims): Promise<string>
}

/** A did:plc rotation key: it signs did:plc operations. */
export interface RotationKey {
  /** did:key. */
  readonly did: string
  signOperation(operation: UnsignedOperation): Promise<Operation>
}

const load = async (secret: Secret, name: string): Promise<Secp256k1Keypair> => {
  const hex = secret.reveal().trim()
  if (!/^[0-9a-fA-F]{64}$/.test(hex))
    throw new KeyError('BadSecret', `${name} must be a k256 private key: 32 bytes as 64 hex digits`)
  try {
    return await Secp256k1Keypair.import(new Uint8Array(Buffer.from(hex, 'hex')))
  } catch {
    // The library's message may show the value, so it is dropped.
    throw new KeyError('BadSecret', `${name} is not a k256 private key (zero, or out of range)`)
  }
}

export const loadSigningKey = async (secret: Secret): Promise<SigningKey> => {
  const keypair = await load(secret, 'SIGNING_KEY')
  const sign = (bytes: Uint8Array) => keypair.sign(bytes)
  const did = keypair.did()
  return {
    did,
    multibase: did.slice('did:key:'.length),
    commitKeypair: (accountDid) => commitKeypair(accountDid, did, sign),
    signServiceToken: (claims) => signServiceToken(claims, sign),
    signMigrationToken: (claims) => signMigrationToken(claims, sign),
    signManifest: (claims) => signManifest(claims, sign),
  }
}

export const loadRotationKey = async (secret: Secret): Promise<RotationKey> => {
  const keypair = await load(secret, 'ROTATION_KEY')
  return {
    did: keypair.did(),
    signOperation: async (operation) => {
      const unsigned = parseUnsignedOperation(operation)
      const sig = await keypair.sign(encode({ ...unsigned }))
      return { ...unsigned, sig: toBase64url(sig) }
    },
  }
}

/** A new k256 private key in hex, for `pds init`; `random` is the platform's. */
export const generateKey = async (random: (length: number) => Uint8Array): Promise<Secret> => {
  const secret = new Secret(Buffer.from(random(32)).toString('hex'))
  try {
    await load(secret, 'the new key')
    return secret
  } catch {
    // One draw in 2^128 is out of range.
    return await generateKey(random)
  }
}

/** 128 random bits in hex: a token's `jti`, a session's id. */
export const newId = (random: (length: number) => Uint8Array): string =>
  Buffer.from(random(16)).toString('hex')
