/** What both authority matrices go through: kinds of credential, states, and a valid credential of each kind. */
import type { Account } from '../../src/account/account.ts'
import type { CredentialKind, State } from '../../src/policy.ts'
import { CREATE_ACCOUNT } from '../../src/signing/migrationToken.ts'
import { type Scope, SCOPES } from '../../src/signing/scope.ts'
import { UPLOAD_BLOB } from '../../src/signing/serviceToken.ts'
import { accessToken } from '../handlers/support/accessToken.ts'
import { makeGrant } from './grant.ts'

export const STATES: State[] = ['absent', 'active', 'deactivated', 'moved', 'deleted']

export const KINDS: CredentialKind[] = [
  'anyone',
  'session',
  'appPassword',
  'appPasswordPrivileged',
  'refresh',
  'admin',
  'service',
  'blobUpload',
  'grant',
  ...SCOPES,
]

/** They answer as the other reads of com.atproto.sync do, though their documents do not declare it. */
export const DEPRECATED_READS = ['com.atproto.sync.getCheckout', 'com.atproto.sync.getHead']

const JTI = '0'.repeat(32)

const times = ({ platform }: Account) => {
  const now = Math.floor(platform.now() / 1000)
  return { iat: now, exp: now + 900 }
}

const serviceToken = (account: Account, lxm: string): Promise<string> =>
  account.signingKey.signServiceToken({
    iss: account.did,
    aud: account.config.serviceDid,
    lxm,
    jti: JTI,
    ...times(account),
  })

const migrationToken = async (account: Account, scope: Scope): Promise<string> => {
  const { data, cid } = await account.identity.directory.head(account.did)
  const plc = scope === 'plc:sign' && data ? { plc: { prev: cid, ...data } } : {}
  const aud = account.config.serviceDid
  const claims = { iss: account.did, aud, jti: JTI, scope, ...times(account), ...plc }
  return await account.signingKey.signMigrationToken(claims)
}

/** The headers that present a credential with a request. */
export type Present = (verb: string, url: string) => Promise<Record<string, string>>

/** A credential that is valid in every state: it is made inside the object with its own keys. A grant has every scope. */
export const presenting = async (account: Account, kind: CredentialKind): Promise<Present> => {
  if (kind === 'grant') return (await makeGrant(account)).headers
  const authorization = await authorizationOf(account, kind)
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  return async () => headers
}

const authorizationOf = async (
  account: Account,
  kind: Exclude<CredentialKind, 'grant'>,
): Promise<string | undefined> => {
  switch (kind) {
    case 'anyone':
      return undefined
    case 'admin':
      return `Basic ${btoa(`admin:${account.config.secrets.adminPassword.reveal()}`)}`
    case 'session':
    case 'appPassword':
    case 'appPasswordPrivileged':
      return `Bearer ${await accessToken(account, kind)}`
    case 'refresh':
      return `Bearer ${(await account.sessions.create({ via: 'createSession' })).refreshJwt}`
    case 'service':
      return `Bearer ${await serviceToken(account, CREATE_ACCOUNT)}`
    case 'blobUpload':
      return `Bearer ${await serviceToken(account, UPLOAD_BLOB)}`
    default:
      return `Bearer ${await migrationToken(account, kind)}`
  }
}
