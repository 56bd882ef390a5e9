import type { Config } from '../../config.ts'
import type { Outbound } from '../../outbound.ts'
import type { Platform } from '../../platform.ts'
import type { State } from '../../policy.ts'
import { createGrantTokenSigner } from '../../signing/grantTokens.ts'
import type { Sql } from '../db/sql.ts'
import type { Journal } from '../journal.ts'
import { createGrantRows } from './grants/grantRows.ts'
import { createGrants } from './grants/grants.ts'
import { createGrantTokens } from './grants/grantTokens.ts'
import type { Grants, GrantTokens } from './types.ts'

/** The authorization server, and how the owner signs in to its pages. */
export interface OAuth {
  grants: Grants
  grantTokens: GrantTokens
}

export interface OAuthDeps {
  sql: Sql
  platform: Platform
  journal: Journal
  config: Pick<Config, 'did' | 'origin' | 'serviceDid' | 'previous' | 'dev'> & {
    secrets: Pick<Config['secrets'], 'passwordHash' | 'session'>
  }
  /** The network, for the documents of clients and of permission sets. */
  send: Outbound
  /** The account's handle now. */
  handle(): string
  state(): State
}

/** Wires the parts of the authorization server, each of which is a folder here. Nothing is decided here. */
export const createOAuth = (deps: OAuthDeps): OAuth => {
  const { config } = deps
  const grantTokenSigner = createGrantTokenSigner(config.secrets.session, config.secrets.passwordHash)
  const base = { ...config, ...deps, grantTokenSigner, grantRows: createGrantRows(deps) }

  return {
    grants: createGrants(base),
    grantTokens: createGrantTokens(base),
  }
}
