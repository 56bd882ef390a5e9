import { newId } from '../../../crypto/newId.ts'
import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Call } from '../call.ts'
import { clientCredentials } from '../clientCredentials.ts'
import { hashOf } from '../hashOf.ts'
import type { Clients } from '../clients/types.ts'
import type { Dpop } from '../dpop/types.ts'
import type { Scopes } from '../scopes/types.ts'
import { parseRequest } from './parseRequest.ts'
import type { RequestRows } from './requestRows.ts'
import { formatRequestUri } from './requestUri.ts'

/** The answer of PAR. */
export interface PushedRequest {
  request_uri: string
  /** Seconds. */
  expires_in: number
}

/** Keeps what a client asks for until the owner has answered, for five minutes at most. Throws `OAuthError`. */
export type PushRequest = (call: Call) => Promise<PushedRequest>

export interface PushRequestDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  clients: Pick<Clients, 'authenticate'>
  dpop: Pick<Dpop, 'verify'>
  scopes: Scopes
  requestRows: RequestRows
}

const LIFETIME_S = 5 * 60

export const createPushRequest =
  ({ sql, platform, clients, dpop, scopes, requestRows }: PushRequestDeps): PushRequest =>
  async (call) => {
    const { params, proof, url, network } = call
    // The key may also be named by `dpop_jkt`, or be shown with the code for the first time.
    const jkt = proof === null ? undefined : (await dpop.verify({ proof, method: 'POST', url })).jkt
    const { client, auth } = await clients.authenticate(clientCredentials(call, jkt))
    const request = parseRequest(params, { client, auth, jkt, scopes })
    const expanded = await scopes.expand(request.scope, network)
    const secret = newId(platform.random)
    const now = platform.now()
    sql.transaction(() =>
      requestRows.insert(
        {
          id: hashOf(secret),
          request,
          clientName: client.metadata.name,
          expanded,
          requestedAt: now,
          expiresAt: now + LIFETIME_S * 1000,
        },
        network,
      ),
    )
    fault('oauth.afterRequest')
    return { request_uri: formatRequestUri(secret), expires_in: LIFETIME_S }
  }
