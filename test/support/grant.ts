/** An app's grant, without the flow that makes one: a row, an access token, and proofs of the key that it is bound to. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createHash } from 'node:crypto'
import type { Account } from '../../src/account/account.ts'
import { createGrantRows } from '../../src/account/oauth/grants/grantRows.ts'
import { newId } from '../../src/crypto/newId.ts'
import { createGrantTokenSigner } from '../../src/signing/grantTokens.ts'

/** Everything that can be granted. */
export const FULL_SCOPE =
  'atproto transition:email transition:generic transition:chat.bsky account:email account:repo?action=manage account:status?action=manage identity:* blob:*/* repo:* rpc:com.atproto.server.createAccount?aud=*'

export interface TestGrant {
  id: string
  token: string
  /** The headers of a request with the token; `changed` replaces claims of the proof. */
  headers(method: string, url: string, changed?: Record<string, unknown>): Promise<Record<string, string>>
}

export const makeGrant = async (account: Account, scope = FULL_SCOPE): Promise<TestGrant> => {
  const { platform, sql, config, did } = account
  const { origin, serviceDid } = config
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const jkt = await calculateJwkThumbprint(jwk)
  const id = newId(platform.random)
  const now = platform.now()
  const rows = createGrantRows({ sql })
  const row = {
    id,
    clientId: 'https://app.example/client.json',
    clientName: 'App',
    scope,
    expanded: scope,
    auth: { method: 'none' as const },
    jkt,
    code: newId(platform.random),
    redirectUri: 'https://app.example/back',
    codeChallenge: newId(platform.random),
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + 14 * 24 * 3600_000,
  }
  rows.insert({ ...row, refresh: undefined })
  rows.update({ ...row, refresh: newId(platform.random) })
  const iat = Math.floor(now / 1000)
  const { session, passwordHash } = config.secrets
  const token = await createGrantTokenSigner(session, passwordHash).mintAccess({
    did,
    aud: serviceDid,
    clientId: row.clientId,
    grant: id,
    jkt,
    iat,
    exp: iat + 900,
    jti: newId(platform.random),
    issuer: origin,
  })
  return {
    id,
    token,
    headers: async (method, url, changed = {}) => {
      const proof = await new SignJWT({
        htm: method,
        htu: origin + new URL(url, origin).pathname,
        jti: newId(platform.random),
        iat: Math.floor(platform.now() / 1000),
        nonce: account.oauth.dpop.nonce(),
        ath: createHash('sha256').update(token).digest('base64url'),
        ...changed,
      })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey)
      return { authorization: `DPoP ${token}`, dpop: proof }
    },
  }
}
