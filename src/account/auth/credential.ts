import { type MigrationClaims, parseScope, type Scope } from '../../signing/migrationToken.ts'
import type { AccessClaims, RefreshClaims, SessionKind } from '../../signing/sessionTokens.ts'
import type { CredentialKind } from '../../policy.ts'
import type { GrantAccessClaims } from '../../signing/grantTokens.ts'
import type { Permissions } from '../oauth/scopes/types.ts'

/** One type for each scope, so that the type of a handler's `auth` has only the scopes that its policy row names. */
type TokenCredential = {
  [S in Scope]: { kind: 'token'; grants: S; claims: MigrationClaims; raw: string }
}[Scope]

/** One type for each kind of session, for the same reason. */
export type SessionCredential = {
  [K in SessionKind]: { kind: 'session'; grants: K; claims: AccessClaims }
}[SessionKind]

/** A caller whose credential was verified. `grants` is the kind by which the policy let the request through. */
export type Credential =
  | { kind: 'anyone'; grants: 'anyone' }
  | SessionCredential
  | { kind: 'refresh'; grants: 'refresh'; claims: RefreshClaims }
  | { kind: 'admin'; grants: 'admin' }
  /** A `MoveInToken`: the account's own DID asks this server to take the account in. */
  | { kind: 'service'; grants: 'service'; iss: string; aud: string; id: string; exp: number }
  /** The account's own token for uploadBlob, in the hands of another service: Bluesky's video service uploads so. */
  | { kind: 'blobUpload'; grants: 'blobUpload'; iat: number; exp: number; grant: string | undefined }
  /** The access token of an app, bound to the key that signed the request's proof. */
  | { kind: 'grant'; grants: 'grant'; claims: GrantAccessClaims; permissions: Permissions }
  | TokenCredential

/** A verified credential to which the policy has not been applied yet: a migration token may grant several scopes. */
export type VerifiedCredential =
  | Exclude<Credential, TokenCredential>
  | { kind: 'token'; claims: MigrationClaims; raw: string }

/** The kinds that the policy may let this credential through as. */
export const kindsOf = (credential: VerifiedCredential): CredentialKind[] =>
  credential.kind === 'token' ? parseScope(credential.claims.scope) : [credential.grants]

/** The credential that a request acts with, once the policy has granted one of its kinds. */
export const withGrant = (
  credential: Extract<VerifiedCredential, { kind: 'token' }>,
  grants: Scope,
): Credential =>
  // The discriminant is one of the union's; TypeScript does not distribute the object type over it.
  ({ ...credential, grants }) as TokenCredential
