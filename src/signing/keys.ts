import type { Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { parseUnsignedOperation } from '../plc/parse.ts'
import type { Operation, UnsignedOperation } from '../plc/types.ts'
import { toBase64url } from '../crypto/base64url.ts'
import { loadPrivateKey, type PrivateKey } from '../crypto/privateKey.ts'
import { commitKeypair } from './commitKeypair.ts'
import { type ManifestClaims, signManifest } from './manifest.ts'
import { type MigrationClaims, signMigrationToken } from './migrationToken.ts'
import type { Secret } from '../crypto/secret.ts'
import { type ServiceClaims, signServiceToken } from './serviceToken.ts'
import { signStatement, type StatementClaims } from './statement.ts'

/** The account's `#atproto` key. It signs typed values of the account, never bare bytes. */
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
  signStatement(claims: StatementClaims): Promise<string>
}

/** A did:plc rotation key. It signs did:plc operations, never bare bytes. */
export interface RotationKey {
  /** did:key. */
  readonly did: string
  signOperation(operation: UnsignedOperation): Promise<Operation>
}

/** Loads SIGNING_KEY, or the secret of this name; the key's bytes stay in `crypto/`. */
export const loadSigningKey = async (secret: Secret, name = 'SIGNING_KEY'): Promise<SigningKey> => {
  const { did, sign } = await loadPrivateKey(secret, name)
  return {
    did,
    multibase: did.slice('did:key:'.length),
    commitKeypair: (accountDid) => commitKeypair(accountDid, did, sign),
    signServiceToken: (claims) => signServiceToken(claims, sign),
    signMigrationToken: (claims) => signMigrationToken(claims, sign),
    signManifest: (claims) => signManifest(claims, sign),
    signStatement: (claims) => signStatement(claims, sign),
  }
}

/** A signer of did:plc operations with this key. */
export const rotationKeyOf = ({ did, sign }: PrivateKey): RotationKey => ({
  did,
  signOperation: async (operation) => {
    const unsigned = parseUnsignedOperation(operation)
    const sig = await sign(encode({ ...unsigned }))
    return { ...unsigned, sig: toBase64url(sig) }
  },
})

/** Loads a rotation key; its bytes stay in `crypto/`. */
export const loadRotationKey = async (secret: Secret): Promise<RotationKey> =>
  rotationKeyOf(await loadPrivateKey(secret, 'ROTATION_KEY'))
