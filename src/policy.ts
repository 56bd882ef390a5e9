import type { MethodId } from './generated/methods.ts'
import type { Scope } from './signing/migrationToken.ts'
import type { SessionKind } from './signing/sessionTokens.ts'

/** Where a method runs: in the Worker, without the account's object, or in the account's Durable Object. */
export type Tier = 'worker' | 'account'

/**
 * The state of the account. absent: configured, but without a repository. moved: still active here, but the DID was
 * seen to name another PDS. A deactivated account stays `deactivated` whichever PDS its DID names. deleted: for ever; what
 * it had is being erased, or is gone.
 */
export type State = 'absent' | 'active' | 'deactivated' | 'moved' | 'deleted'

/**
 * The kinds of credential that a client may present. anyone: none. session: an access token of a session that the
 * account password opened. appPassword, appPasswordPrivileged: one of a session that an app password opened. refresh: a
 * refresh token, of any session. admin: the deployment's admin password. service: a service-auth token for this server,
 * signed by the account's own DID. blobUpload: one that the account signed for uploadBlob
 * on this server, so that another service may upload. grant: an access token that an app got by OAuth, whose scopes must
 * cover what the row's `grant` names. The others are the scopes of a migration token.
 */
export type CredentialKind =
  | 'anyone'
  | SessionKind
  | 'refresh'
  | 'admin'
  | 'service'
  | 'blobUpload'
  | 'grant'
  | Scope

/**
 * What an app needs of the scopes of its grant. never: no scope opens the method. any: each grant may call it. Or a
 * scope; or what depends on the request: repo, the actions and collections of a write; blob, the type of the upload; rpc, the
 * method at the service that it is for; serviceAuth, the method and the service that a token is asked for.
 */
export type GrantNeed =
  | 'never'
  | 'any'
  | 'account:repo?action=manage'
  | 'account:status?action=manage'
  | 'identity:*'
  | 'identity:handle'
  | 'repo'
  | 'blob'
  | 'rpc'
  | 'serviceAuth'

/** A row of the policy: where the method runs, and in which states each kind of credential may call it. */
export interface Rule {
  runs: Tier
  who: Partial<Record<CredentialKind, readonly State[]>>
  /** What `grant` in `who` needs: a new method says so, or does not compile. */
  grant: GrantNeed
  /** A credential that does not open the method is ignored where anyone may call it, as on the reference. */
  lenient?: true
  /** Refused while the owner has writes fenced off: it would change what a move has copied already. */
  fenced?: true
}

/** Open to everyone, and no credential is looked at: probes, and the sign-in itself. */
export const isOpenToAnyone = (rule: Omit<Rule, 'runs'>): boolean => Object.keys(rule.who).join() === 'anyone'

const ALWAYS = ['absent', 'active', 'deactivated', 'moved', 'deleted'] as const
const UNTIL_DELETED = ['absent', 'active', 'deactivated', 'moved'] as const
/** There is an account. */
const ANY_ACCOUNT = ['active', 'deactivated', 'moved'] as const
/** The public may read. */
const PUBLIC = ['active', 'moved'] as const
/** The owner may fill the account: as the target of a move, or when coming back. */
const FILLABLE = ['active', 'deactivated'] as const
const ACTIVE = ['active'] as const

const owner = { session: ANY_ACCOUNT, admin: ANY_ACCOUNT } as const
/** Apps that the owner gave an app password: they use the account, and change nothing about it. */
const apps = <S extends readonly State[]>(states: S) =>
  ({ appPassword: states, appPasswordPrivileged: states }) as const
/** Reads of the repository: a move needs them, and the public has them while the account is active. */
const repoRead = {
  runs: 'account',
  who: { anyone: PUBLIC, ...owner, ...apps(PUBLIC), grant: ANY_ACCOUNT, 'repo:read': ANY_ACCOUNT },
  grant: 'any',
} as const
const blobRead = {
  runs: 'account',
  who: { anyone: PUBLIC, ...owner, ...apps(PUBLIC), grant: ANY_ACCOUNT, 'blob:read': ANY_ACCOUNT },
  grant: 'any',
} as const
const recordRead = {
  runs: 'account',
  who: { anyone: PUBLIC, ...owner, ...apps(PUBLIC), grant: PUBLIC },
  grant: 'any',
  lenient: true,
} as const
const write = {
  runs: 'account',
  who: { session: ACTIVE, ...apps(ACTIVE), grant: ACTIVE },
  grant: 'repo',
  fenced: true,
} as const
/** Answered by what the owner does instead, since no mail is sent: with a session, and with a password alone. */
const ofOwner = { runs: 'account', who: { session: ANY_ACCOUNT }, grant: 'never' } as const
const refused = { runs: 'worker', who: { anyone: ALWAYS }, grant: 'any' } as const
/** Questions about the server and its handles, not about the account. */
const probe = { runs: 'worker', who: { anyone: ALWAYS }, grant: 'any' } as const
/** Answered truthfully in every state, to anyone: this is how the network learns that an account is gone. */
const status = {
  runs: 'account',
  who: {
    anyone: ALWAYS,
    session: ALWAYS,
    ...apps(ALWAYS),
    admin: ALWAYS,
    grant: ALWAYS,
    'repo:read': ALWAYS,
  },
  grant: 'any',
} as const
const adminOnly = { runs: 'account', who: { admin: ALWAYS }, grant: 'never' } as const

const rows = {
  'app.bsky.actor.getPreferences': {
    runs: 'account',
    who: { ...owner, ...apps(ANY_ACCOUNT), 'preferences:read': ANY_ACCOUNT, grant: ANY_ACCOUNT },
    grant: 'rpc',
  },
  'app.bsky.actor.putPreferences': {
    runs: 'account',
    who: { session: FILLABLE, ...apps(ACTIVE), grant: FILLABLE },
    grant: 'rpc',
    fenced: true,
  },
  'com.atproto.identity.getRecommendedDidCredentials': {
    runs: 'account',
    who: { ...owner, grant: ANY_ACCOUNT },
    grant: 'any',
  },
  'com.atproto.identity.requestPlcOperationSignature': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, grant: ANY_ACCOUNT },
    grant: 'identity:*',
  },
  'com.atproto.identity.resolveHandle': probe,
  'com.atproto.identity.signPlcOperation': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, 'plc:sign': ANY_ACCOUNT, grant: ANY_ACCOUNT },
    grant: 'identity:*',
  },
  'com.atproto.identity.submitPlcOperation': {
    runs: 'account',
    who: { session: FILLABLE, grant: FILLABLE },
    grant: 'identity:*',
  },
  'com.atproto.identity.updateHandle': {
    runs: 'account',
    who: { session: ACTIVE, grant: ACTIVE },
    grant: 'identity:handle',
    fenced: true,
  },
  'com.atproto.repo.applyWrites': write,
  'com.atproto.repo.createRecord': write,
  'com.atproto.repo.deleteRecord': write,
  'com.atproto.repo.describeRepo': recordRead,
  'com.atproto.repo.getRecord': recordRead,
  'com.atproto.repo.importRepo': {
    runs: 'account',
    who: { session: FILLABLE, grant: FILLABLE },
    grant: 'account:repo?action=manage',
    fenced: true,
  },
  'com.atproto.repo.listMissingBlobs': {
    runs: 'account',
    who: { ...owner, ...apps(ANY_ACCOUNT), grant: ANY_ACCOUNT },
    grant: 'any',
  },
  'com.atproto.repo.listRecords': recordRead,
  'com.atproto.repo.putRecord': write,
  'com.atproto.repo.uploadBlob': {
    runs: 'account',
    who: { session: FILLABLE, ...apps(ACTIVE), blobUpload: ACTIVE, grant: FILLABLE },
    grant: 'blob',
    fenced: true,
  },
  'com.atproto.server.activateAccount': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, admin: UNTIL_DELETED },
    grant: 'never',
  },
  'com.atproto.server.checkAccountStatus': {
    runs: 'account',
    who: { ...owner, ...apps(ANY_ACCOUNT), 'repo:read': ANY_ACCOUNT, grant: ANY_ACCOUNT },
    grant: 'any',
  },
  'com.atproto.server.confirmEmail': ofOwner,
  'com.atproto.server.createAccount': { runs: 'account', who: { service: UNTIL_DELETED }, grant: 'never' },
  // Not before the first activation, until which the server that the account comes from could speak for it.
  'com.atproto.server.createAppPassword': {
    runs: 'account',
    who: { session: ACTIVE, admin: ACTIVE },
    grant: 'never',
  },
  'com.atproto.server.createSession': { runs: 'account', who: { anyone: ANY_ACCOUNT }, grant: 'any' },
  'com.atproto.server.deactivateAccount': {
    runs: 'account',
    who: { ...owner, 'account:deactivate': ANY_ACCOUNT, grant: ANY_ACCOUNT },
    grant: 'account:status?action=manage',
  },
  'com.atproto.server.deleteAccount': refused,
  'com.atproto.server.deleteSession': { runs: 'account', who: { refresh: ANY_ACCOUNT }, grant: 'never' },
  'com.atproto.server.describeServer': probe,
  'com.atproto.server.getAccountInviteCodes': ofOwner,
  'com.atproto.server.getServiceAuth': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, ...apps(ACTIVE), 'account:create': ANY_ACCOUNT, grant: ANY_ACCOUNT },
    grant: 'serviceAuth',
  },
  'com.atproto.server.getSession': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, ...apps(ANY_ACCOUNT), grant: ANY_ACCOUNT },
    grant: 'any',
  },
  'com.atproto.server.listAppPasswords': { runs: 'account', who: owner, grant: 'never' },
  'com.atproto.server.refreshSession': { runs: 'account', who: { refresh: ANY_ACCOUNT }, grant: 'never' },
  'com.atproto.server.requestAccountDelete': ofOwner,
  'com.atproto.server.requestEmailConfirmation': ofOwner,
  'com.atproto.server.requestEmailUpdate': ofOwner,
  'com.atproto.server.requestPasswordReset': refused,
  // A public key, which the DID document has too once the account is here.
  'com.atproto.server.reserveSigningKey': { runs: 'account', who: { anyone: UNTIL_DELETED }, grant: 'any' },
  'com.atproto.server.resetPassword': refused,
  'com.atproto.server.revokeAppPassword': { runs: 'account', who: owner, grant: 'never' },
  'com.atproto.server.updateEmail': ofOwner,
  'com.atproto.sync.getBlob': blobRead,
  'com.atproto.sync.getBlocks': repoRead,
  'com.atproto.sync.getCheckout': repoRead,
  'com.atproto.sync.getHead': repoRead,
  'com.atproto.sync.getLatestCommit': repoRead,
  'com.atproto.sync.getRecord': repoRead,
  'com.atproto.sync.getRepo': repoRead,
  'com.atproto.sync.getRepoStatus': status,
  'com.atproto.sync.listBlobs': blobRead,
  'com.atproto.sync.listRepos': {
    runs: 'account',
    who: { anyone: ALWAYS, session: ALWAYS, ...apps(ALWAYS), admin: ALWAYS, grant: ALWAYS },
    grant: 'any',
  },
  'com.atproto.sync.subscribeRepos': { runs: 'account', who: { anyone: ALWAYS }, grant: 'any' },
  'com.atproto.temp.checkSignupQueue': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, ...apps(ANY_ACCOUNT) },
    grant: 'never',
  },
  'com.cirrus.admin.addRecoveryKey': { runs: 'account', who: { admin: ACTIVE }, grant: 'never' },
  // As importRepo, for a repository that is too large for a request. What is done in the background asks pullRepo's row.
  'com.cirrus.admin.beginRepoUpload': {
    runs: 'account',
    who: { session: ['deactivated'], admin: ['deactivated'] },
    grant: 'never',
  },
  'com.cirrus.admin.cancelPull': adminOnly,
  // A token that reads the repository may know beforehand whether it is whole; it learns nothing that is secret.
  'com.cirrus.admin.checkMigration': {
    runs: 'account',
    who: { ...owner, 'repo:read': ANY_ACCOUNT },
    grant: 'never',
  },
  'com.cirrus.admin.checkRepo': { runs: 'account', who: { admin: UNTIL_DELETED }, grant: 'never' },
  'com.cirrus.admin.createMigrationToken': { runs: 'account', who: { admin: ANY_ACCOUNT }, grant: 'never' },
  'com.cirrus.admin.createPasskeyLink': { runs: 'account', who: { admin: ANY_ACCOUNT }, grant: 'never' },
  // Also where it was done already: an answer may have been lost.
  'com.cirrus.admin.deleteAccount': {
    runs: 'account',
    who: { admin: ['active', 'deactivated', 'moved', 'deleted'] },
    grant: 'never',
  },
  'com.cirrus.admin.emitIdentity': { runs: 'account', who: { admin: UNTIL_DELETED }, grant: 'never' },
  'com.cirrus.admin.endGrants': adminOnly,
  'com.cirrus.admin.endSessions': adminOnly,
  // A token that may deactivate the account after the move may stop its writes before, for as long as it is valid.
  'com.cirrus.admin.fenceWrites': {
    runs: 'account',
    who: { session: ACTIVE, admin: ACTIVE, 'account:deactivate': ACTIVE },
    grant: 'never',
  },
  'com.cirrus.admin.getJournal': adminOnly,
  'com.cirrus.admin.getManifest': {
    runs: 'account',
    who: { admin: ANY_ACCOUNT, 'repo:read': ANY_ACCOUNT },
    grant: 'never',
  },
  'com.cirrus.admin.getPull': {
    runs: 'account',
    who: { session: ANY_ACCOUNT, admin: ALWAYS },
    grant: 'never',
  },
  'com.cirrus.admin.getReach': adminOnly,
  'com.cirrus.admin.getStatus': adminOnly,
  'com.cirrus.admin.listBlobs': {
    runs: 'account',
    who: { admin: ANY_ACCOUNT, 'blob:read': ANY_ACCOUNT },
    grant: 'never',
  },
  'com.cirrus.admin.listPasskeys': adminOnly,
  'com.cirrus.admin.listGrants': adminOnly,
  'com.cirrus.admin.listSessions': adminOnly,
  'com.cirrus.admin.listSubscribers': adminOnly,
  'com.cirrus.admin.raiseRevFloor': { runs: 'account', who: { admin: UNTIL_DELETED }, grant: 'never' },
  'com.cirrus.admin.recordVerification': { runs: 'account', who: owner, grant: 'never' },
  'com.cirrus.admin.releaseRetention': { runs: 'account', who: { admin: ANY_ACCOUNT }, grant: 'never' },
  // What it does in the background asks this row again.
  'com.cirrus.admin.pullRepo': { runs: 'account', who: { admin: ['deactivated'] }, grant: 'never' },
  'com.cirrus.admin.removePasskey': adminOnly,
  'com.cirrus.admin.requestCrawl': adminOnly,
  // It also serves a commit that is no longer the latest, with what was deleted since: that is not public.
  'com.cirrus.admin.resumeRepo': {
    runs: 'account',
    who: { ...owner, 'repo:read': ANY_ACCOUNT },
    grant: 'never',
  },
  'com.cirrus.admin.revokeMigrationTokens': adminOnly,
  'com.cirrus.admin.rotateSigningKey': { runs: 'account', who: { admin: ACTIVE }, grant: 'never' },
  'com.cirrus.admin.setPasswordSignIn': { runs: 'account', who: { admin: ANY_ACCOUNT }, grant: 'never' },
  'com.cirrus.admin.signStatement': { runs: 'account', who: { admin: ANY_ACCOUNT }, grant: 'never' },
  // Also where the account has moved: that is how it comes back.
  'com.cirrus.admin.updateDidWeb': { runs: 'account', who: { admin: ANY_ACCOUNT }, grant: 'never' },
  'com.cirrus.admin.updateHandle': { runs: 'account', who: { admin: ACTIVE }, grant: 'never' },
  'com.cirrus.admin.updatePds': { runs: 'account', who: { admin: ACTIVE }, grant: 'never' },
  'com.cirrus.admin.uploadRepoPart': {
    runs: 'account',
    who: { session: ['deactivated'], admin: ['deactivated'] },
    grant: 'never',
  },
  'com.cirrus.admin.voidPlcOperation': adminOnly,
} as const satisfies { [Id in MethodId]?: Rule }

/** A method that has no row yet: it would run in the account, and nobody may call it. */
interface Denied {
  runs: 'account'
  who: {}
  grant: 'never'
}

/**
 * The type of {@link policy}: it knows each method's own row, literally, so that handlers get their types from it.
 */
export type Policy = {
  readonly [Id in MethodId]: Id extends keyof typeof rows ? (typeof rows)[Id] : Denied
}

/**
 * Authority, in one table: where each method runs, and which kinds of credential may call it in which state of the
 * account. What is not named is denied; no handler looks at credentials to decide. A method without a row does not
 * compile, here and in src/handlers/index.ts only.
 */
export const policy: Policy = rows

/** What becomes of a method that is not served here, when a client asks for it. */
export type Proxying =
  /** It is forwarded to another service for these credentials, with a token for `lxm` that the account's key signs. */
  | { forward: true; who: Rule['who']; grant: 'rpc'; lxm: string }
  /** It is not. `reserved`: it manages an account, and is called on the account's own server only. */
  | { forward: false; reserved: boolean }

/**
 * Methods that manage an account, in lower case: no service token is signed for them, so that a stolen session cannot
 * act as the account's key elsewhere.
 */
const RESERVED_METHODS: ReadonlySet<string> = new Set(
  [
    'com.atproto.admin.sendEmail',
    'com.atproto.identity.requestPlcOperationSignature',
    'com.atproto.identity.signPlcOperation',
    'com.atproto.identity.submitPlcOperation',
    'com.atproto.identity.updateHandle',
    'com.atproto.server.activateAccount',
    'com.atproto.server.confirmEmail',
    'com.atproto.server.createAppPassword',
    'com.atproto.server.createSession',
    'com.atproto.server.deactivateAccount',
    'com.atproto.server.deleteAccount',
    'com.atproto.server.deleteSession',
    'com.atproto.server.getAccountInviteCodes',
    'com.atproto.server.getServiceAuth',
    'com.atproto.server.getSession',
    'com.atproto.server.listAppPasswords',
    'com.atproto.server.refreshSession',
    'com.atproto.server.requestAccountDelete',
    'com.atproto.server.requestEmailConfirmation',
    'com.atproto.server.requestEmailUpdate',
    'com.atproto.server.revokeAppPassword',
    'com.atproto.server.updateEmail',
  ].map((name) => name.toLowerCase()),
)

/** Whether a method manages an account. Names are compared in lower case, as some servers route them. */
export const isReserved = (method: string): boolean => {
  const name = method.toLowerCase()
  return RESERVED_METHODS.has(name) || name.startsWith('com.cirrus.')
}

/** Whole namespaces that are answered here or not at all: a password in a body must not leave, whatever a header says. */
const NEVER_FORWARDED = ['com.cirrus.', 'com.atproto.admin.', 'com.atproto.server.', 'com.atproto.sync.']

/** Messages between people: an ordinary app password does not open them. */
const PRIVATE_NAMESPACE = 'chat.bsky.'

const forwardedFor = { session: ACTIVE, ...apps(ACTIVE), grant: ACTIVE } as const
const privateFor = { session: ACTIVE, appPasswordPrivileged: ACTIVE, grant: ACTIVE } as const

/** Methods whose token is for another method: the AppView asks the feed generator with it. */
const TOKEN_METHODS: Readonly<Record<string, string>> = {
  'app.bsky.feed.getFeed': 'app.bsky.feed.getFeedSkeleton',
}

/** Who may have a method forwarded, in which states of the account. */
export const proxying = (method: string): Proxying => {
  const name = method.toLowerCase()
  if (isReserved(name)) return { forward: false, reserved: true }
  if (NEVER_FORWARDED.some((namespace) => name.startsWith(namespace)))
    return { forward: false, reserved: false }
  return {
    forward: true,
    grant: 'rpc',
    who: name.startsWith(PRIVATE_NAMESPACE) ? privateFor : forwardedFor,
    lxm: TOKEN_METHODS[method] ?? method,
  }
}

/** As the others that are compared, in lower case. */
const CREATE_ACCOUNT = 'com.atproto.server.createaccount'

/**
 * Whether a session may have a service token for a method; undefined: for any. An app password moves no account, so it
 * has none that another server takes for createAccount; an ordinary one has none for messages either.
 */
export const mayHaveServiceToken = (kind: SessionKind, method: string | undefined): boolean => {
  if (kind === 'session') return true
  const name = method?.toLowerCase()
  if (name === undefined || name === CREATE_ACCOUNT) return false
  return kind === 'appPasswordPrivileged' || !name.startsWith(PRIVATE_NAMESPACE)
}

/** Who sees, and may change, the preferences that hold personal details, such as the owner's date of birth. */
export const PERSONAL_DETAILS_FOR: ReadonlySet<CredentialKind> = new Set([
  'session',
  'admin',
  'preferences:read',
])
