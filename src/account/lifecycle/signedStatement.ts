import { error } from '../../xrpc/errors.ts'
import type { Platform } from '../../platform.ts'
import type { SigningKey } from '../../signing/keys.ts'
import type { Sql } from '../db/sql.ts'
import type { Journal } from '../journal.ts'

export interface StatementDeps {
  did: string
  platform: Pick<Platform, 'now'>
  sql: Pick<Sql, 'transaction'>
  journal: Pick<Journal, 'append'>
  signingKey: Pick<SigningKey, 'signStatement'>
}

/** Signs the hash of a statement of completeness. The journal has the hash before the signature leaves. */
export const signedStatement = async (deps: StatementDeps, digest: string): Promise<string> => {
  const { did, platform, sql, journal, signingKey } = deps
  if (!/^[0-9a-f]{64}$/.test(digest))
    throw error('InvalidRequest', 'digest must be a sha-256 hash: 64 lower-case hexadecimal digits')
  const iat = Math.floor(platform.now() / 1000)
  const signature = await signingKey.signStatement({ iss: did, iat, digest })
  sql.transaction(() => journal.append('sign-statement', { digest }))
  return signature
}
