import { newId } from '../../../crypto/newId.ts'
import type { Platform } from '../../../platform.ts'
import { GRANT_ACCESS_LIFETIME_S, type GrantTokenSigner } from '../../../signing/grantTokens.ts'
import type { GrantRow } from './grantRows.ts'

/** The answer of the token endpoint. */
export interface TokenAnswer {
  access_token: string
  token_type: 'DPoP'
  refresh_token: string
  /** With its permission sets resolved. */
  scope: string
  /** Seconds. */
  expires_in: number
  sub: string
}

export interface IssueTokensDeps {
  platform: Pick<Platform, 'now' | 'random'>
  grantTokenSigner: Pick<GrantTokenSigner, 'mintAccess'>
  did: string
  origin: string
  serviceDid: string
}

/** Signs an access token of a grant, which ends with the grant at the latest, and answers with it and the refresh token. */
export type IssueTokens = (row: GrantRow & { jkt: string }, refreshToken: string) => Promise<TokenAnswer>

export const createIssueTokens =
  ({ platform, grantTokenSigner, did, origin, serviceDid }: IssueTokensDeps): IssueTokens =>
  async ({ id, clientId, jkt, expanded, expiresAt }, refreshToken) => {
    const iat = Math.floor(platform.now() / 1000)
    const exp = Math.min(iat + GRANT_ACCESS_LIFETIME_S, Math.floor(expiresAt / 1000))
    const accessToken = await grantTokenSigner.mintAccess({
      jti: newId(platform.random),
      issuer: origin,
      did,
      aud: serviceDid,
      clientId,
      grant: id,
      jkt,
      iat,
      exp,
    })
    return {
      access_token: accessToken,
      token_type: 'DPoP',
      refresh_token: refreshToken,
      scope: expanded,
      expires_in: exp - iat,
      sub: did,
    }
  }
