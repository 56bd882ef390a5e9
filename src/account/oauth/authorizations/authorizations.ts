import { newId } from '../../../crypto/newId.ts'
import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import { formatCode } from '../grants/code.ts'
import type { GrantRows } from '../grants/grantRows.ts'
import { CODE_LIFETIME_MS } from '../grants/lifetimes.ts'
import { hashOf } from '../hashOf.ts'
import { OAuthError } from '../oauthError.ts'
import type { RequestRow, RequestRows } from '../requests/requestRows.ts'
import { parseRequestUri } from '../requests/requestUri.ts'
import type { Clients } from '../clients/types.ts'
import type { AuthorizationRequest } from '../requests/types.ts'
import type { Authorizations, Redirection, Refusal } from './types.ts'
import { isConsented } from './isConsented.ts'

export interface AuthorizationsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  clients: Pick<Clients, 'find'>
  requestRows: RequestRows
  grantRows: GrantRows
  origin: string
  /** Throws where there is no account that anything could be granted for. */
  requireAccount(): void
}

/** Libraries make it the message of their error (RFC 6749, section 4.1.2.1). */
const DESCRIPTIONS: Record<Refusal, string> = {
  access_denied: 'the owner of the account did not let the app in',
  login_required: 'the owner has to sign in',
  consent_required: 'the owner has to be asked',
}

/** The answer to a request, for its client: `iss` tells it which server answers (RFC 9207). */
const redirection = (
  issuer: string,
  { redirectUri, responseMode, state }: AuthorizationRequest,
  answer: Record<string, string>,
): Redirection => ({
  uri: redirectUri,
  mode: responseMode,
  params: { iss: issuer, ...(state !== undefined && { state }), ...answer },
})

export const createAuthorizations = (deps: AuthorizationsDeps): Authorizations => {
  const { sql, platform, journal, clients, requestRows, grantRows, origin } = deps

  const read = (requestUri: string, clientId: string): RequestRow => {
    deps.requireAccount()
    const secret = parseRequestUri(requestUri)
    const row = secret === undefined ? undefined : requestRows.read(hashOf(secret), platform.now())
    if (row?.request.clientId !== clientId)
      throw new OAuthError(
        'invalid_request',
        'request_uri: is not known, was answered before, or its five minutes are over; go back to the app and begin again',
      )
    return row
  }

  /** A request can be answered once. */
  const take = (requestUri: string, clientId: string): RequestRow => {
    const row = read(requestUri, clientId)
    requestRows.delete(row.id)
    return row
  }

  return {
    find: async (requestUri, clientId, isOwner = false) => {
      // The request first: a stranger who makes one up must not have documents fetched.
      const { id, request, expanded, requestedAt } = read(requestUri, clientId)
      if (isOwner) sql.transaction(() => requestRows.noteOpened(id))
      const client = await clients.find(clientId)
      const granted = request.auth.method === 'none' ? [] : grantRows.list(platform.now())
      return { request, client, expanded, isConsented: isConsented(request, expanded, granted), requestedAt }
    },
    approve: async (requestUri, clientId) => {
      const id = newId(platform.random)
      const code = formatCode(id, newId(platform.random))
      const { request } = sql.transaction(() => {
        const row = take(requestUri, clientId)
        const now = platform.now()
        const { auth, scope, dpopJkt, redirectUri, codeChallenge } = row.request
        grantRows.deleteExpired(now)
        grantRows.makeRoom()
        grantRows.insert({
          id,
          clientId,
          clientName: row.clientName,
          auth,
          scope,
          expanded: row.expanded,
          jkt: dpopJkt,
          code: hashOf(code),
          refresh: undefined,
          redirectUri,
          codeChallenge,
          createdAt: now,
          lastUsedAt: now,
          expiresAt: now + CODE_LIFETIME_MS,
        })
        journal.append('grant', { grant: id, client: clientId, scope: row.expanded })
        return row
      })
      fault('oauth.afterApproval')
      return redirection(origin, request, { code })
    },
    refuse: async (requestUri, clientId, error) => {
      const { request } = sql.transaction(() => take(requestUri, clientId))
      return redirection(origin, request, { error, error_description: DESCRIPTIONS[error] })
    },
  }
}
