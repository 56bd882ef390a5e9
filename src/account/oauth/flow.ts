import type { Platform } from '../../platform.ts'
import { createMemoryLimit, type MemoryLimit } from '../../memoryLimit.ts'
import { blockOf, isLocal } from '../../network.ts'
import type { State } from '../../policy.ts'
import { tooMany } from '../../tooMany.ts'
import type { GrantTokenSigner } from '../../signing/grantTokens.ts'
import { docsLink } from '../../docsLink.ts'
import type { Sql } from '../db/sql.ts'
import type { Journal } from '../journal.ts'
import { createAuthorizations } from './authorizations/authorizations.ts'
import type { Call } from './call.ts'
import { grantOfCode } from './grants/code.ts'
import type { EndGrant } from './grants/endGrant.ts'
import { exchangeCode } from './grants/exchangeCode.ts'
import type { GrantRows } from './grants/grantRows.ts'
import { createIssueTokens, type TokenAnswer } from './grants/issueTokens.ts'
import { refreshGrant } from './grants/refreshGrant.ts'
import { revokeGrant } from './grants/revokeGrant.ts'
import { hashOf } from './hashOf.ts'
import { OAuthError } from './oauthError.ts'
import { required } from './parameters.ts'
import { createPushRequest, type PushedRequest } from './requests/pushRequest.ts'
import { createRequestRows } from './requests/requestRows.ts'
import type { Authorizations } from './authorizations/types.ts'
import type { Clients } from './clients/types.ts'
import type { Dpop } from './dpop/types.ts'
import type { Scopes } from './scopes/types.ts'

/** The authorization code flow: what clients call, and what the owner answers on the pages. Each throws `OAuthError`. */
export interface Flow {
  authorizations: Authorizations
  /** `/oauth/par` */
  push(call: Call): Promise<PushedRequest>
  /** `/oauth/token` */
  token(call: Call): Promise<TokenAnswer>
  /** `/oauth/revoke` */
  revoke(call: Call): Promise<void>
  /** Deletes what is over: requests and codes that nobody came back for, and grants that ended by their time. */
  collect(): void
}

export interface FlowDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  did: string
  origin: string
  serviceDid: string
  previous: readonly { origin: string }[]
  clients: Clients
  dpop: Pick<Dpop, 'verify'>
  scopes: Scopes
  grantRows: GrantRows
  grantTokenSigner: GrantTokenSigner
  endGrant: EndGrant
  state(): State
}

/** Calls of one network. Those that show what this server gave are not counted: the owner's apps never wait. */
const CALLS = { max: 300, windowSeconds: 5 * 60 }
/**
 * Requests that are kept for one network and its neighbours. Each writes two rows, of 100,000 that a free account has in a
 * day: a stranger who goes on pushing must not use them up, since the owner could then write nothing.
 */
const KEPT = { max: 600, windowSeconds: 24 * 3600 }

export const createFlow = (deps: FlowDeps): Flow => {
  const { dpop, platform, grantRows, grantTokenSigner } = deps
  const pushLimit = createMemoryLimit({ ...CALLS, now: platform.now })
  const tokenLimit = createMemoryLimit({ ...CALLS, now: platform.now })
  const keptLimit = createMemoryLimit({ ...KEPT, now: platform.now })
  const count = (limit: MemoryLimit, { network }: Call, key = network ?? ''): void => {
    const usedUp = isLocal(network) ? undefined : limit.take(key)
    if (usedUp) throw tooMany('OAuth requests', usedUp, platform.now())
  }
  /** A deactivated account has its apps, too: a move needs them. */
  const requireAccount = (): void => {
    const state = deps.state()
    if (state === 'absent')
      throw new OAuthError('invalid_request', `there is no account here yet. ${docsLink('account-absent')}`)
    if (state === 'deleted')
      throw new OAuthError('invalid_request', `the account was deleted here. ${docsLink('account-deleted')}`)
  }
  const requestRows = createRequestRows(deps)
  const base = {
    ...deps,
    requestRows,
    issueTokens: createIssueTokens(deps),
    requireAccount,
  }
  const pushRequest = createPushRequest(base)
  const keyOf = async ({ proof, url }: Call): Promise<string> =>
    (await dpop.verify({ proof, method: 'POST', url })).jkt

  /** Whether a call shows a code or a refresh token of ours, of a grant that has not ended: it is not a stranger's. */
  const isGenuine = ({ params }: Call): boolean => {
    const refresh = grantTokenSigner.readRefresh(params.get('refresh_token') ?? '')
    if (refresh) return grantRows.read(refresh.grant) !== undefined
    const code = params.get('code') ?? ''
    return grantRows.read(grantOfCode(code) ?? '')?.code === hashOf(code)
  }

  const exchange = async (call: Call): Promise<TokenAnswer> => {
    const grantType = required(call.params, 'grant_type')
    const jkt = await keyOf(call)
    if (grantType === 'authorization_code') return await exchangeCode(base, call, jkt)
    if (grantType === 'refresh_token') return await refreshGrant(base, call, jkt)
    throw new OAuthError(
      'unsupported_grant_type',
      `grant_type: expected authorization_code or refresh_token, got "${grantType.slice(0, 100)}"`,
    )
  }

  return {
    authorizations: createAuthorizations(base),
    push: async (call) => {
      count(pushLimit, call)
      requireAccount()
      const block = blockOf(call.network)
      count(keptLimit, call, block)
      try {
        return await pushRequest(call)
      } catch (cause) {
        keptLimit.giveBack(block ?? '')
        throw cause
      }
    },
    token: async (call) => {
      if (!isGenuine(call)) count(tokenLimit, call)
      return await exchange(call)
    },
    revoke: async (call) => {
      count(tokenLimit, call)
      await revokeGrant(base, call, call.proof === null ? undefined : await keyOf(call))
    },
    collect: () => {
      const now = platform.now()
      requestRows.deleteExpired(now)
      grantRows.deleteExpired(now)
    },
  }
}
