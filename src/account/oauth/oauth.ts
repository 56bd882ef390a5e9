import type { Config } from '../../config.ts'
import type { ResolveDid } from '../../identity/didResolver.ts'
import type { Outbound } from '../../outbound.ts'
import type { Platform } from '../../platform.ts'
import type { State } from '../../policy.ts'
import { createGrantTokenSigner } from '../../signing/grantTokens.ts'
import type { Sql } from '../db/sql.ts'
import type { Journal } from '../journal.ts'
import type { Records } from '../repo/records.ts'
import { createClients } from './clients/clients.ts'
import { createDpop } from './dpop/dpop.ts'
import { createFlow, type Flow } from './flow.ts'
import { createEndGrant } from './grants/endGrant.ts'
import { createGrantRows } from './grants/grantRows.ts'
import { createGrants } from './grants/grants.ts'
import { createGrantTokens } from './grants/grantTokens.ts'
import { createPasskeys } from './passkeys/passkeys.ts'
import { createFetchPermissionSet } from './scopes/fetchPermissionSet.ts'
import { createPermissionSets } from './scopes/permissionSets.ts'
import { createScopes } from './scopes/scopes.ts'
import { createBrowserSignIns } from './signIns/browserSignIns.ts'
import type { Clients } from './clients/types.ts'
import type { Dpop } from './dpop/types.ts'
import type { GrantTokens, Grants } from './grants/types.ts'
import type { Passkeys } from './passkeys/types.ts'
import type { Scopes } from './scopes/types.ts'
import type { BrowserSignIns } from './signIns/types.ts'

/** The authorization server, and how the owner signs in to its pages. */
export interface OAuth extends Flow {
  clients: Clients
  dpop: Dpop
  grants: Grants
  grantTokens: GrantTokens
  browserSignIns: BrowserSignIns
  scopes: Scopes
  passkeys: Passkeys
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
  resolveDid: ResolveDid
  records: Pick<Records, 'get'>
  /** The account's handle now. */
  handle(): string
  state(): State
}

/** Wires the parts of the authorization server, each of which is a folder here with its contract in `types.ts`. Nothing is decided here. */
export const createOAuth = (deps: OAuthDeps): OAuth => {
  const { config } = deps
  const grantTokenSigner = createGrantTokenSigner(config.secrets.session, config.secrets.passwordHash)
  const grantRows = createGrantRows(deps)
  const endGrant = createEndGrant({ ...deps, grantRows })
  const base = { ...config, ...deps, grantTokenSigner, grantRows, endGrant }
  const permissionSets = createPermissionSets({ ...base, fetch: createFetchPermissionSet(base) })
  const scopes = createScopes({ permissionSets })
  const dpop = createDpop(base)
  const browserSignIns = createBrowserSignIns(base)
  const clients = createClients({
    ...base,
    outbound: deps.send,
    hasGrant: (id) => grantRows.hasClient(id, deps.platform.now()),
  })
  return {
    ...createFlow({ ...base, clients, dpop, scopes }),
    clients,
    dpop,
    scopes,
    grants: createGrants(base),
    grantTokens: createGrantTokens(base),
    browserSignIns,
    passkeys: createPasskeys({ ...base, browserSignIns }),
  }
}
