import type { Platform } from '../../../platform.ts'
import type { GrantTokenSigner } from '../../../signing/grantTokens.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { Clients } from '../clients/types.ts'
import type { Scopes } from '../scopes/types.ts'
import type { EndGrant } from './endGrant.ts'
import type { GrantRows } from './grantRows.ts'
import type { IssueTokens } from './issueTokens.ts'

/** What exchanging, refreshing and revoking need. */
export interface GrantDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  clients: Pick<Clients, 'authenticate'>
  scopes: Pick<Scopes, 'expand'>
  grantRows: GrantRows
  grantTokenSigner: GrantTokenSigner
  endGrant: EndGrant
  issueTokens: IssueTokens
}
