import { OAuthError } from '../oauthError.ts'
import type { ClientCredentials } from '../clients/types.ts'
import type { GrantDeps } from './grantDeps.ts'
import type { GrantRow } from './grantRows.ts'

/**
 * Verifies that a client is itself, and, where it shows what belongs to a grant, the same as when that was approved. A
 * grant whose client has given up the key that it proved itself with ends.
 */
export const authenticateFor = async (
  { clients, endGrant }: Pick<GrantDeps, 'clients' | 'endGrant'>,
  credentials: ClientCredentials,
  row: GrantRow | undefined,
): Promise<void> => {
  const own = row?.clientId === credentials.clientId ? row : undefined
  try {
    await clients.authenticate(credentials, own?.auth)
  } catch (cause) {
    if (own && cause instanceof OAuthError && cause.code === 'invalid_grant')
      endGrant(own, 'key of the app changed')
    throw cause
  }
}
