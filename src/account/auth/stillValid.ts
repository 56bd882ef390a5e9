import { TokenError } from '../../crypto/errors.ts'
import type { Platform } from '../../platform.ts'
import type { Grants } from '../oauth/grants/types.ts'
import type { VerifiedCredential } from './credential.ts'
import type { MigrationTokens } from './tokens/migrationTokens.ts'
import { type Sessions, sessionEnded } from './sessions/sessions.ts'
import { tokenError } from './tokenError.ts'

export interface StillValidDeps {
  platform: Pick<Platform, 'now'>
  sessions: Pick<Sessions, 'exists' | 'wereEndedAfter'>
  migrationTokens: Pick<MigrationTokens, 'assertStillValid'>
  grants: Pick<Grants, 'find'>
}

/**
 * Throws if a credential that was verified before is not valid any more: what time and revocation can change is asked
 * again, what cannot change (the signature, the claims) is not.
 */
export const createStillValid = ({ platform, sessions, migrationTokens, grants }: StillValidDeps) => {
  const assertNotExpired = (exp: number): void => {
    if (exp * 1000 <= platform.now()) throw tokenError(new TokenError('Expired', 'the token has expired'))
  }
  return (credential: VerifiedCredential): void => {
    switch (credential.kind) {
      case 'session':
      case 'refresh':
        assertNotExpired(credential.claims.exp)
        if (!sessions.exists(credential.claims.sid)) throw sessionEnded()
        return
      case 'grant':
        assertNotExpired(credential.claims.exp)
        if (!grants.find(credential.claims.grant)) throw sessionEnded()
        return
      case 'token':
        return migrationTokens.assertStillValid(credential.claims)
      case 'service':
        return assertNotExpired(credential.exp)
      case 'blobUpload':
        assertNotExpired(credential.exp)
        // It does not say which session has asked for it: those that are in use are asked for again.
        if (
          credential.grant ? !grants.find(credential.grant) : sessions.wereEndedAfter(credential.iat * 1000)
        )
          throw tokenError(
            new TokenError('Revoked', 'what asked for this token has ended since: ask for another one'),
          )
        return
      case 'admin':
      case 'anyone':
        return
    }
  }
}
