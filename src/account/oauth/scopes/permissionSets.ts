import type { LexiconPermissionSet } from '@atproto/oauth-scopes'
import { IdentityError } from '../../../identity/errors.ts'
import { createSharedLookups, TooManyLookupsError } from '../../../identity/sharedLookups.ts'
import { createMemoryLimit } from '../../../memoryLimit.ts'
import { blockOf } from '../../../network.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import { OAuthError } from '../oauthError.ts'
import { BUNDLED_SETS } from './bundledSets.ts'

/** The permission sets that `include:` scopes name. */
export interface PermissionSets {
  /**
   * Throws `OAuthError`: `invalid_scope` for a set that never was known and cannot be had, `temporarily_unavailable` in a
   * flood.
   */
  find(nsid: string, network?: string): Promise<LexiconPermissionSet>
}

export interface PermissionSetsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
  /** Throws `IdentityError`. */
  fetch(nsid: string): Promise<LexiconPermissionSet>
}

const FRESH_MS = 24 * 3600_000
/** Sets in the table. Anybody may ask for one, so that those of grants are the last to go. */
const MAX_STORED = 100
/**
 * Of them, those that are stored for one network and its neighbours: each writes a row, of 100,000 that a free account has in a
 * day, and a person who has a domain has as many names as they like. A set that is not stored is fetched again sooner.
 */
const STORED = { max: MAX_STORED, windowSeconds: 24 * 3600 }
/** Sets in memory, for the ten minutes that the answer of a look-up is kept. */
const MAX_ANSWERS = 50

/** A set that this module wrote. */
const fromJson = (json: string) => JSON.parse(json) as LexiconPermissionSet

/**
 * The sets that the program brings along, without a request; any other as it was fetched with proof, and fetched again
 * after a day. While that fails, the old one stays.
 */
export const createPermissionSets = ({ sql, platform, fetch }: PermissionSetsDeps): PermissionSets => {
  const storeLimit = createMemoryLimit({ ...STORED, now: platform.now })

  const store = (nsid: string, document: string): void => {
    const count = sql.first<{ n: number }>(
      'SELECT count(*) AS n FROM permission_set WHERE nsid <> ?',
      nsid,
    )?.n
    if ((count ?? 0) >= MAX_STORED)
      sql.run(
        `DELETE FROM permission_set WHERE nsid = (
           SELECT nsid FROM permission_set ORDER BY
             EXISTS (SELECT 1 FROM oauth_grant WHERE instr(scope, permission_set.nsid) > 0), fetched_at LIMIT 1
         )`,
      )
    sql.run(
      'INSERT OR REPLACE INTO permission_set (nsid, document, fetched_at) VALUES (?, ?, ?)',
      nsid,
      document,
      platform.now(),
    )
  }

  const lookUp = createSharedLookups({
    platform,
    noun: 'permission set',
    maxAnswers: MAX_ANSWERS,
    lookUp: async (nsid) => JSON.stringify(await fetch(nsid)),
  })

  const stored = (nsid: string): { json: string; isFresh: boolean } | undefined => {
    const row = sql.first<{ document: string; fetched_at: number }>(
      'SELECT document, fetched_at FROM permission_set WHERE nsid = ?',
      nsid,
    )
    if (!row) return undefined
    const age = platform.now() - row.fetched_at
    return { json: row.document, isFresh: age >= 0 && age < FRESH_MS }
  }

  return {
    async find(nsid, network) {
      const bundled = BUNDLED_SETS[nsid]
      if (bundled) return bundled
      const known = stored(nsid)
      if (known?.isFresh) return fromJson(known.json)
      try {
        const document = await lookUp(nsid, network)
        // It is what the network says, no matter who asked first.
        if (!stored(nsid)?.isFresh && !storeLimit.take(blockOf(network) ?? ''))
          sql.unguarded(() => sql.transaction(() => store(nsid, document)))
        return fromJson(document)
      } catch (cause) {
        const isFlood = cause instanceof TooManyLookupsError
        if (!isFlood && !(cause instanceof IdentityError)) throw cause
        if (known) return fromJson(known.json)
        if (isFlood)
          throw new OAuthError('temporarily_unavailable', cause.message, {
            'retry-after': String(cause.retryAfterSeconds),
          })
        throw new OAuthError('invalid_scope', `the permission set ${nsid} could not be had: ${cause.message}`)
      }
    },
  }
}
