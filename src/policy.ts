/**
 * Authority, in one table: where each method runs, and which kinds of credential may call it in
 * which state of the account. Absence denies; no handler looks at credentials to decide.
 */
import type { MethodId } from './generated/methods.ts'
import type { Scope } from './signing/migrationToken.ts'

/** In the Worker, without the account's object; or in the account's Durable Object. */
export type Tier = 'worker' | 'account'

/**
 * absent: configured, but no repository yet. moved: still active here, but the DID was seen to
 * name another PDS. A deactivated account stays `deactivated` wherever its DID points.
 */
export type State = 'absent' | 'active' | 'deactivated' | 'moved'

/**
 * anyone: no credential. session: the owner's access token. refresh: a refresh token.
 * admin: the deployment's admin password. service: a service-auth token for this server by the
 * account's own DID. The rest are the scopes of a migration token.
 */
export type CredentialKind = 'anyone' | 'session' | 'refresh' | 'admin' | 'service' | Scope

export interface Rule {
  runs: Tier
  who: Partial<Record<CredentialKind, readonly State[]>>
}

const EVERY = ['absent', 'active', 'deactivated', 'moved'] as const
/** There is an account. */
const HERE = ['active', 'deactivated', 'moved'] as const
/** The public may read. */
const OPEN = ['active', 'moved'] as const
/** The owner may fill the account: as a target, or when coming back. */
const FILL = ['active', 'deactivated'] as const
const ACTIVE = ['active'] as const

const owner = { session: HERE, admin: HERE } as const
/** Repository reads that a mover needs, and that the public has while the account is active. */
const repoRead = { runs: 'account', who: { anyone: OPEN, ...owner, 'repo:read': HERE } } as const
const blobRead = { runs: 'account', who: { anyone: OPEN, ...owner, 'blob:read': HERE } } as const
const recordRead = { runs: 'account', who: { anyone: OPEN, ...owner } } as const
const write = { runs: 'account', who: { session: ACTIVE } } as const
const probe = { runs: 'worker', who: { anyone: EVERY } } as const
/** Truthful in every state, to anyone: how the network learns that an account is gone. */
const status = {
  runs: 'account',
  who: { anyone: EVERY, session: EVERY, admin: EVERY, 'repo:read': EVERY },
} as const
const adminOnly = { runs: 'account', who: { admin: EVERY } } as const

const rows = {
  'app.bsky.actor.getPreferences': { runs: 'account', who: { ...owner, 'preferences:read': HERE } },
  'app.bsky.actor.putPreferences': { runs: 'account', who: { session: FILL } },
  'com.atproto.identity.getRecommendedDidCredentials': { runs: 'account', who: owner },
  'com.atproto.identity.requestPlcOperationSignature': { runs: 'account', who: { session: HERE } },
  'com.atproto.identity.resolveHandle': probe,
  'com.atproto.identity.signPlcOperation': { runs: 'account', who: { session: HERE, 'plc:sign': HERE } },
  'com.atproto.identity.submitPlcOperation': { runs: 'account', who: { session: FILL } },
  'com.atproto.repo.applyWrites': write,
  'com.atproto.repo.createRecord': write,
  'com.atproto.repo.deleteRecord': write,
  'com.atproto.repo.describeRepo': recordRead,
  'com.atproto.repo.getRecord': recordRead,
  'com.atproto.repo.importRepo': { runs: 'account', who: { session: FILL } },
  'com.atproto.repo.listMissingBlobs': { runs: 'account', who: owner },
  'com.atproto.repo.listRecords': recordRead,
  'com.atproto.repo.putRecord': write,
  'com.atproto.repo.uploadBlob': { runs: 'account', who: { session: FILL } },
  'com.atproto.server.activateAccount': { runs: 'account', who: { session: HERE, admin: EVERY } },
  'com.atproto.server.checkAccountStatus': { runs: 'account', who: { ...owner, 'repo:read': HERE } },
  'com.atproto.server.createAccount': { runs: 'account', who: { service: EVERY } },
  'com.atproto.server.createSession': { runs: 'account', who: { anyone: HERE } },
  'com.atproto.server.deactivateAccount': { runs: 'account', who: { ...owner, 'account:deactivate': HERE } },
  'com.atproto.server.deleteSession': { runs: 'account', who: { refresh: HERE } },
  'com.atproto.server.describeServer': probe,
  'com.atproto.server.getServiceAuth': { runs: 'account', who: { session: HERE, 'account:create': HERE } },
  'com.atproto.server.getSession': { runs: 'account', who: { session: HERE } },
  'com.atproto.server.refreshSession': { runs: 'account', who: { refresh: HERE } },
  'com.atproto.sync.getBlob': blobRead,
  'com.atproto.sync.getBlocks': repoRead,
  'com.atproto.sync.getLatestCommit': repoRead,
  'com.atproto.sync.getRecord': repoRead,
  'com.atproto.sync.getRepo': repoRead,
  'com.atproto.sync.getRepoStatus': status,
  'com.atproto.sync.listBlobs': blobRead,
  'com.atproto.sync.listRepos': { runs: 'account', who: { anyone: EVERY, session: EVERY, admin: EVERY } },
  'com.atproto.sync.subscribeRepos': { runs: 'account', who: { anyone: EVERY } },
  'com.cirrus.admin.checkRepo': adminOnly,
  'com.cirrus.admin.createMigrationToken': { runs: 'account', who: { admin: HERE } },
  'com.cirrus.admin.emitIdentity': adminOnly,
  'com.cirrus.admin.getJournal': adminOnly,
  'com.cirrus.admin.getManifest': { runs: 'account', who: { admin: HERE, 'repo:read': HERE } },
  'com.cirrus.admin.getStatus': adminOnly,
  'com.cirrus.admin.listBlobs': { runs: 'account', who: { admin: HERE, 'blob:read': HERE } },
  'com.cirrus.admin.listSubscribers': adminOnly,
  'com.cirrus.admin.requestCrawl': adminOnly,
  // Also of a commit that is no longer the latest: what was deleted since then is not everybody's.
  'com.cirrus.admin.resumeRepo': { runs: 'account', who: { ...owner, 'repo:read': HERE } },
  'com.cirrus.admin.revokeMigrationTokens': adminOnly,
  'com.cirrus.admin.voidPlcOperation': adminOnly,
} as const satisfies { [Id in MethodId]?: Rule }

/** A method that has no row yet: it would run in the account, and nobody may call it. */
interface Denied {
  runs: 'account'
  who: {}
}

/** The type of {@link policy}: it knows each method's own row, literally, so that handlers get their types from it. */
export type Policy = {
  readonly [Id in MethodId]: Id extends keyof typeof rows ? (typeof rows)[Id] : Denied
}

/** The row of every method. A method without one does not compile, here and in src/handlers/index.ts only. */
export const policy: Policy = rows
