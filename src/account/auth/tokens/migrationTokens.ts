import { TokenError } from '../../../crypto/errors.ts'
import { newId } from '../../../crypto/newId.ts'
import type { SigningKey } from '../../../signing/keys.ts'
import {
  CREATE_ACCOUNT,
  assertInForce,
  type MigrationClaims,
  migrationTimes,
  type Scope,
  verifyMigrationToken,
} from '../../../signing/migrationToken.ts'
import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import type { Journal } from '../../journal.ts'
import type { RateLimits } from '../limits/rateLimits.ts'
import type { Sql } from '../../db/sql.ts'
import { readAccount, raiseTokensNotBefore } from '../../db/accountRow.ts'
import { invalidScope, type MintInput, parseScopes, parseTarget } from './mintInput.ts'
import { grantScopes, type GrantScopesDeps } from './grantScopes.ts'
import { tokenError } from '../tokenError.ts'

/** Migration tokens: only the admin mints them, they are not stored, and they are revoked all at once. */
export interface MigrationTokens {
  /** Mints a token. The journal's row is written before the token is signed; the token itself is not stored. */
  mint(input: MintInput): Promise<MintedToken>
  /** Verifies a token that this server minted for itself. */
  verify(token: string): Promise<MigrationClaims>
  /** Throws if a token that was verified before has expired or was revoked since. */
  assertStillValid(claims: MigrationClaims): void
  /** Refuses every token minted until now; returns the time before which tokens are refused, in milliseconds. */
  revoke(): number
}

export interface MintedToken {
  token: string
  jti: string
  audience: string
  scope: Scope[]
  expiresAt: string
}

export interface MigrationTokensDeps extends GrantScopesDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  rateLimits: Pick<RateLimits, 'mint'>
  /** Tokens verify under this key, whatever key the DID document names by now. */
  signingKey: Pick<SigningKey, 'did' | 'signMigrationToken'>
  serviceDid: string
  origin: string
  dev: boolean
  /** Looks at the DID more often for a while, because it may move soon. */
  watchMove(): Promise<void>
}

const MINT_ANOTHER = 'mint another with `pds migrate-token`'

export const createMigrationTokens = (deps: MigrationTokensDeps): MigrationTokens => {
  const { sql, platform, journal, rateLimits, signingKey, did, serviceDid } = deps
  return {
    mint: async (input) => {
      const target = parseTarget(deps, input)
      const { scope, plc } = await grantScopes(deps, parseScopes(input.scope))
      // Counted only now: a directory that is down must not use up the mints that the owner has in an hour.
      rateLimits.mint()
      const jti = newId(platform.random)
      const audience = target?.audience ?? serviceDid
      const { iat, exp } = sql.transaction(() => {
        const times = migrationTimes(platform.now(), readAccount(sql).tokensNotBefore)
        journal.append('mint', {
          jti,
          audience,
          target: target?.origin ?? null,
          scope: scope.join(' '),
          exp: times.exp,
        })
        return times
      })
      fault('mint.afterJournal')
      const token = await signingKey
        .signMigrationToken({
          iss: did,
          aud: audience,
          ...(target && { target: target.origin, lxm: CREATE_ACCOUNT }),
          iat,
          exp,
          jti,
          scope: scope.join(' '),
          ...(plc && { plc }),
        })
        .catch((cause: unknown) => {
          // Old PLC logs hold data that a directory would not accept today, and that no claim can carry.
          if (cause instanceof TokenError) throw invalidScope(`plc:sign: ${cause.message}`)
          throw cause
        })
      await deps.watchMove()
      return { token, jti, audience, scope, expiresAt: new Date(exp * 1000).toISOString() }
    },
    verify: async (token) => {
      try {
        return await verifyMigrationToken(token, {
          publicDidKey: signingKey.did,
          issuer: did,
          serviceDid,
          now: platform.now(),
          notBefore: readAccount(sql).tokensNotBefore,
        })
      } catch (cause) {
        throw tokenError(cause, MINT_ANOTHER)
      }
    },
    assertStillValid: (claims) => {
      try {
        assertInForce(claims, platform.now(), readAccount(sql).tokensNotBefore)
      } catch (cause) {
        throw tokenError(cause, MINT_ANOTHER)
      }
    },
    revoke: () =>
      sql.transaction(() => {
        const { tokensNotBefore } = readAccount(sql)
        // A token minted right after the last revocation begins at the next full second: it is revoked too.
        const latest = Math.ceil(tokensNotBefore / 1000) * 1000
        const now = platform.now()
        const notBefore = latest > now ? latest + 1 : now
        raiseTokensNotBefore(sql, notBefore)
        journal.append('revoke-tokens', { notBefore })
        return notBefore
      }),
  }
}
