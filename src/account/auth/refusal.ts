import type { CredentialKind, Rule, State } from '../../policy.ts'
import { isScope, type Scope } from '../../signing/migrationToken.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import { mayAnswer } from '../../xrpc/lexicons.ts'
import { docsLink } from '../../docsLink.ts'

/** A request that the policy does not let through. */
export interface RefusedRequest {
  /** The method's name: one of ours, or one that would be forwarded. */
  id: string
  rule: Omit<Rule, 'runs'>
  state: State
  /** The kinds that the client's credential has. */
  kinds: readonly CredentialKind[]
  request: Request
  did: string
}

const CREDENTIAL_NAMES: Record<Exclude<CredentialKind, Scope>, string> = {
  anyone: 'no credential',
  session: "the owner's session (createSession with the account password)",
  appPassword: 'a session of an app password',
  appPasswordPrivileged: 'a session of a privileged app password',
  refresh: 'a refresh token (refreshJwt)',
  admin: 'the admin password (HTTP Basic, user admin)',
  service: "a service-auth token for createAccount on this server, signed by the account's DID",
  blobUpload: 'a service-auth token of the account for uploadBlob on this server (getServiceAuth)',
  grant: 'an access token of an app (OAuth)',
}

/** The credentials that the rule accepts in some state. */
const acceptedCredentials = (rule: Omit<Rule, 'runs'>): string =>
  (Object.keys(rule.who) as CredentialKind[])
    .map((kind) => (isScope(kind) ? `a migration token with the scope ${kind}` : CREDENTIAL_NAMES[kind]))
    .join(', or ')

/** The refusal of a client that would be let through if the account were in another state. It says which state it is in. */
const wrongState = ({ id, state, kinds, request, did }: RefusedRequest): XrpcError => {
  const { searchParams } = new URL(request.url)
  const named = searchParams.get('did') ?? did
  if (named !== did && mayAnswer(id, 'RepoNotFound'))
    return new XrpcError(
      'RepoNotFound',
      `no repository of ${named.slice(0, 256)} here: this server holds ${did} only`,
    )
  if (state === 'absent' || state === 'deleted') {
    const message =
      state === 'deleted'
        ? `the account of ${did} was deleted here, for ever. ${docsLink('account-deleted')}`
        : `there is no account here yet: create it with \`pds activate\`, or move one in with \`pds import --from <host>\`. ${docsLink('account-absent')}`
    return mayAnswer(id, 'RepoNotFound')
      ? new XrpcError('RepoNotFound', message)
      : error('InvalidRequest', message)
  }
  if (state === 'moved')
    return error(
      'AccountDeactivated',
      `the DID now names another PDS, so nothing is written here; \`pds status\` says which one. ${docsLink('account-moved')}`,
    )
  if (state === 'deactivated' && kinds.includes('anyone') && mayAnswer(id, 'RepoDeactivated'))
    return new XrpcError('RepoDeactivated', `the repository of ${did} is deactivated`)
  if (state === 'deactivated')
    return error(
      'AccountDeactivated',
      `the account is deactivated here; the owner brings it back with \`pds activate\`. ${docsLink('account-deactivated')}`,
    )
  return error('InvalidRequest', `${id} is not open while the account is ${state}`)
}

/** Why the policy refuses a request, and what to do about it. */
export const refusal = (refused: RefusedRequest): XrpcError => {
  const { id, rule, kinds } = refused
  if (kinds.some((kind) => rule.who[kind] !== undefined)) return wrongState(refused)
  const needs = `${id} needs ${acceptedCredentials(rule)}`
  // As on the reference: no scope would help.
  if (kinds.includes('grant')) return error('Forbidden', `an app's grant does not open this: ${needs}`)
  if (kinds.includes('anyone')) return error('AuthMissing', `${needs}. ${docsLink('wrong-credential')}`)
  const given = kinds.map((kind) => (isScope(kind) ? kind : CREDENTIAL_NAMES[kind])).join(', ')
  const isMigrationToken = kinds.some((kind) => isScope(kind))
  return error(
    'InvalidToken',
    isMigrationToken
      ? `the migration token's scope (${given}) does not open this: ${needs}. ${docsLink('token-scope')}`
      : `${given} does not open this: ${needs}. ${docsLink('wrong-credential')}`,
  )
}
