import type { MethodId } from '../../generated/methods.ts'
import type { CredentialKind, Rule, State } from '../../policy.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import { declaredErrors, definition } from '../../xrpc/lexicons.ts'
import { docsLink } from '../../docsLink.ts'

/** A request that the policy does not let through. */
export interface RefusedRequest {
  id: MethodId
  rule: Rule
  state: State
  /** The kinds that the client's credential has. */
  kinds: readonly CredentialKind[]
  request: Request
  did: string
}

const CREDENTIALS: Record<'anyone' | 'session' | 'refresh' | 'admin' | 'service', string> = {
  anyone: 'no credential',
  session: "the owner's session (createSession)",
  refresh: 'a refresh token (refreshJwt)',
  admin: 'the admin password (HTTP Basic, user admin)',
  service: "a service-auth token for createAccount on this server, signed by the account's DID",
}

/** Not a scope of a migration token. */
const isBasic = (kind: string): kind is keyof typeof CREDENTIALS => Object.hasOwn(CREDENTIALS, kind)

const describe = (rule: Rule): string =>
  Object.keys(rule.who)
    .map((kind) => (isBasic(kind) ? CREDENTIALS[kind] : `a migration token with the scope ${kind}`))
    .join(', or ')

/** Methods that answer RepoDeactivated to everyone, although their lexicons do not declare it. */
const OPEN_READS = [
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.getRecord',
  'com.atproto.repo.listRecords',
]

/** In another state of the account, the client would be let through: the error says which state it is in. */
const wrongState = ({ id, state, kinds, request, did }: RefusedRequest): XrpcError => {
  const declared = declaredErrors(definition(id))
  const { searchParams } = new URL(request.url)
  const named = searchParams.get('did') ?? did
  if (named !== did && declared.includes('RepoNotFound'))
    return new XrpcError(
      'RepoNotFound',
      `no repository of ${named.slice(0, 256)} here: this server holds ${did} only`,
    )
  if (state === 'absent') {
    const message = `there is no account here yet: create it with \`pds activate\`, or move one in with \`pds import --from <host>\`. ${docsLink('account-absent')}`
    return declared.includes('RepoNotFound')
      ? new XrpcError('RepoNotFound', message)
      : error('InvalidRequest', message)
  }
  if (state === 'moved')
    return error(
      'AccountDeactivated',
      `the DID now names another PDS, so nothing is written here; \`pds status\` says which one. ${docsLink('account-moved')}`,
    )
  if (
    state === 'deactivated' &&
    kinds.includes('anyone') &&
    (declared.includes('RepoDeactivated') || OPEN_READS.includes(id))
  )
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
  const needs = `${id} needs ${describe(rule)}`
  if (kinds.includes('anyone')) return error('AuthMissing', `${needs}. ${docsLink('wrong-credential')}`)
  const given = kinds.map((kind) => (isBasic(kind) ? CREDENTIALS[kind] : kind)).join(', ')
  const isMigrationToken = kinds.some((kind) => !isBasic(kind))
  return error(
    'InvalidToken',
    isMigrationToken
      ? `the migration token's scope (${given}) does not open this: ${needs}. ${docsLink('token-scope')}`
      : `${given} does not open this: ${needs}. ${docsLink('wrong-credential')}`,
  )
}
