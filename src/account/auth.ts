/** Who is calling, and whether the policy lets them. */
import type { MigrationClaims, Scope } from '../crypto/migrationToken.ts'
import type { RefreshClaims, SessionClaims } from '../crypto/session.ts'

/** One kind of credential for each scope, so that a handler's type holds only those the policy names. */
type TokenCredential = {
  [S in Scope]: { kind: 'token'; grants: S; claims: MigrationClaims; raw: string }
}[Scope]

/** A caller whose credential was verified. `grants` is the kind by which the policy let it through. */
export type Credential =
  | { kind: 'anyone'; grants: 'anyone' }
  | { kind: 'session'; grants: 'session'; claims: SessionClaims }
  | { kind: 'refresh'; grants: 'refresh'; claims: RefreshClaims }
  | { kind: 'admin'; grants: 'admin' }
  /** The account's own DID asks for the account: `id` names this one token, and is no secret. */
  | { kind: 'service'; grants: 'service'; iss: string; aud: string; id: string }
  | TokenCredential
