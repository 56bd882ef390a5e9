import type { Config } from '../config.ts'
import type { AppView } from '../generated/types/com/cirrus/admin/getReach.ts'
import type { OutputSchema as MigrationCheck } from '../generated/types/com/cirrus/admin/checkMigration.ts'
import type { OutputSchema as Status } from '../generated/types/com/cirrus/admin/getStatus.ts'
import { loadRotationKey, loadSigningKey, type RotationKey, type SigningKey } from '../signing/keys.ts'
import { createSessionTokens } from '../signing/sessionTokens.ts'
import { log, logFailure } from '../log.ts'
import { createIdentity, type Identity } from '../identity/identity.ts'
import type { OwnIdentity } from '../identity/ownIdentity.ts'
import { outbound } from '../outbound.ts'
import { outboundStream } from '../outboundStream.ts'
import type { Platform } from '../platform.ts'
import { policy, type State } from '../policy.ts'
import { nextTid } from '../repo/tid.ts'
import type { Upgraded } from '../xrpc/types.ts'
import { type AppPasswords, createAppPasswords } from './auth/signIn/appPasswords.ts'
import { type Authorize, createAuthorize, createAuthorizeBy } from './auth/authorize.ts'
import { type AuthorizeProxy, createAuthorizeProxy } from './auth/authorizeProxy.ts'
import { createMoveInTokenVerifier } from './auth/tokens/moveInToken.ts'
import { createMigrationTokens, type MigrationTokens } from './auth/tokens/migrationTokens.ts'
import { createFailures, type Failures } from './auth/limits/failures.ts'
import { createKnownNetworks } from './auth/limits/knownNetworks.ts'
import { createPasswords } from './auth/signIn/passwords.ts'
import { createRateLimits, type RateLimits } from './auth/limits/rateLimits.ts'
import { noteNewPassword } from './auth/sessions/noteNewPassword.ts'
import { createServiceAuth, type ServiceAuth } from './auth/tokens/serviceAuth.ts'
import { createSessions, type Sessions, type TokenPair } from './auth/sessions/sessions.ts'
import { createStillValid } from './auth/stillValid.ts'
import { signIn, type SignInInput } from './auth/signIn/signIn.ts'
import { createVerifyCredential } from './auth/verifyCredential.ts'
import { KEPT_BACKUPS } from '../bucketBackup.ts'
import { createBlobs, type Blobs } from './blobs/blobs.ts'
import { type BucketBackups, createBucketBackups } from './backup/bucketBackups.ts'
import { Blocks } from './blocks/blocks.ts'
import { createRepack } from './blocks/packs/repack.ts'
import { readAccount, readCounts, readElsewhereDid, readHandle, readHead, stateOf } from './db/accountRow.ts'
import { migrate } from './db/schema.ts'
import { Sql } from './db/sql.ts'
import { createFirehose, type Firehose } from './events/firehose.ts'
import { createRecentWrites } from './events/recentWrites.ts'
import { createRelays, type Relays } from './events/relays.ts'
import { createSequencer, type SequencedEvent, type Sequencer } from './events/sequencer.ts'
import { createSubscriberLimits } from './events/subscriberLimits.ts'
import { createHandleCheck, type HandleCheck } from './identity/handleCheck.ts'
import { createSigningKeys } from './identity/signingKeys.ts'
import { createIdentityWatch, type IdentityWatch } from './identity/identityWatch.ts'
import { createImportCar, type ImportCar } from './import/importCar.ts'
import { createImports, type Imports } from './import/imports.ts'
import { createPulls, type Pulls } from './import/pull/pulls.ts'
import { guardLocation } from './guardLocation.ts'
import { createJournal, type Journal } from './journal.ts'
import { createEraser } from './lifecycle/erase.ts'
import { assertNotFenced } from './lifecycle/fence.ts'
import { createLifecycle, type Lifecycle } from './lifecycle/lifecycle.ts'
import { createMaintenance, type Maintenance } from './maintenance.ts'
import { createPlcLedger, type PlcLedger } from './plc/plcLedger.ts'
import { createPlcOperations, type PlcOperations } from './plc/plcOperations.ts'
import { createPreferences, type Preferences } from './preferences.ts'
import { checkAccount, type CheckReport } from './repo/checkAccount.ts'
import { createExports, type Exports } from './repo/exports/exports.ts'
import { signedManifest } from './repo/signedManifest.ts'
import { signedStatement } from './lifecycle/signedStatement.ts'
import { createRecords, type Records } from './repo/records.ts'
import { createRepo, type Repo } from './repo/repo.ts'
import { readAppViewReach } from './status/appViewReach.ts'
import { checkMigration, type CheckMigrationOptions } from './status/checkMigration.ts'
import { readStatus } from './status/readStatus.ts'
import { isPostOrProfile } from './views/localRecords.ts'
import { createViews, type Views } from './views/views.ts'

/** The account as the handlers use it. */
export interface Account {
  did: string
  readonly handle: string
  /** What of the account can change, for the Worker's own answers. */
  ownIdentity(): OwnIdentity
  config: Config
  platform: Platform
  identity: Identity
  signingKey: SigningKey
  rotationKey: RotationKey
  /** For tests: handlers use the services, never SQL. */
  sql: Sql
  journal: Journal
  sequencer: Sequencer
  firehose: Firehose
  relays: Relays
  repo: Repo
  records: Records
  blobs: Blobs
  exports: Exports
  imports: Imports
  /** Replaces the repository, verified with the keys that the DID names. */
  importCar: ImportCar
  pulls: Pulls
  preferences: Preferences
  rateLimits: RateLimits
  failures: Failures
  sessions: Sessions
  appPasswords: AppPasswords
  identityWatch: IdentityWatch
  plcLedger: PlcLedger
  plc: PlcOperations
  lifecycle: Lifecycle
  migrationTokens: MigrationTokens
  serviceAuth: ServiceAuth
  views: Views
  handleCheck: HandleCheck
  maintenance: Maintenance
  bucketBackups: BucketBackups
  state(): State
  /** Whether the account is active as far as this server is concerned, even if its DID names another PDS by now. */
  isActivated(): boolean
  /** How many blocks and records the repository has. */
  counts(): { blocks: number; records: number }
  authorize: Authorize
  /** Answers the Worker, which forwards a request to another service. */
  authorizeProxy: AuthorizeProxy
  signIn(input: SignInInput): Promise<TokenPair>
  /** The whole account for its owner. */
  status(): Promise<Status>
  /** Whether the AppView knows the account; undefined where there is none to ask. */
  appViewReach(): Promise<AppView | undefined>
  /** A signed statement of what the account holds. */
  manifest(): Promise<string>
  /** Signs the hash of a statement of completeness. */
  signStatement(digest: string): Promise<string>
  /** Whether the account can leave safely, as far as only this server knows; bounded, with a cursor. */
  checkMigration(options: CheckMigrationOptions): Promise<MigrationCheck>
  /** Recomputes everything that is derived, while nothing else changes the repository. */
  check(): Promise<CheckReport>
  /** A record key that no record has: a new TID. */
  nextRecordKey(): string
  /** A WebSocket that is not accepted yet. */
  upgrade(): Upgraded
}

const DAY_MS = 24 * 3600_000
/** A backup that is due waits until the requests that woke the object are answered. */
const BACKUP_AFTER_START_MS = 10_000

/** Opens the account's storage, brings its tables up to date, and wires the services. Nothing is decided here. */
export async function createAccount(
  ctx: DurableObjectState,
  config: Config,
  platform: Platform,
): Promise<Account> {
  const {
    did,
    origin,
    serviceDid,
    previous,
    hostname,
    relays: relayOrigins,
    retentionMs,
    dev,
    secrets,
  } = config
  const { passwordHash, adminPassword } = secrets
  const configured = await loadSigningKey(secrets.signingKey)
  const waiting = secrets.nextSigningKey && (await loadSigningKey(secrets.nextSigningKey, 'NEXT_SIGNING_KEY'))
  const rotationKey = await loadRotationKey(secrets.rotationKey)
  const tokens = createSessionTokens(secrets.session, passwordHash)

  const sql = new Sql(ctx.storage)
  if (!dev) await guardLocation({ ...config, storage: ctx.storage, bucket: platform.bucket, sql })
  migrate(sql, did, platform.now())
  const signingKeys = createSigningKeys({ sql, configured, waiting })
  const signingKey = signingKeys.inUse
  const signer = { sign: (bytes: Uint8Array) => signingKey.commitKeypair(did).sign(bytes) }
  const handle = (): string => readHandle(sql) ?? config.handle
  const ownIdentity = (): OwnIdentity => ({
    handle: handle(),
    signingKey: signingKey.did,
    elsewhere: readElsewhereDid(sql),
  })
  const identity = createIdentity(config, ownIdentity, platform)
  const state = (): State => stateOf(readAccount(sql))
  const journal = createJournal({ sql, platform })
  /** What most services need. */
  const base = {
    sql,
    platform,
    journal,
    did,
    handle,
    origin,
    serviceDid,
    previous,
    dev,
    signingKey,
    rotationKey,
  }

  // Background work. The alarm belongs to `maintenance`, which is made last because it uses the other services.
  const wake = (delayMs: number): void =>
    void maintenance.wake(delayMs).catch((cause: unknown) => logFailure('alarm-not-set', cause))
  const watchMove = (): Promise<void> => maintenance.watchMove()
  const broadcast = (event: SequencedEvent): void => {
    firehose.publish(event)
    relays.noteEvent()
    maintenance.noteEvent()
  }
  const sequencer = createSequencer({ ...base, broadcast })
  const subscriberLimits = createSubscriberLimits(base)
  const firehose = createFirehose({ platform, sequencer, subscriberLimits, wake, sockets: ctx })
  const send = outbound(platform, { dev })
  const logRelay = (message: string): void => log('warn', { event: 'relay', message })
  const relays = createRelays({
    ...base,
    sequencer,
    wake,
    relays: relayOrigins,
    hostname,
    send,
    log: logRelay,
  })

  const blocks = new Blocks(sql, platform)
  const records = createRecords({ ...base, blocks })
  const repack = createRepack({ sql, platform, blocks })
  // Objects that a backup refers to outlive their blobs by as many days as there are backups.
  const keepObjectsMs = config.dailyBackup ? (KEPT_BACKUPS + 1) * DAY_MS : 0
  const blobs = createBlobs({ ...base, keepObjectsMs })
  const endStalledImport = (): void => imports.endStalled()
  const repo = createRepo({ ...base, signer, blocks, records, blobs, sequencer, endStalledImport })
  const exports = createExports({ ...base, blocks, repo })
  const imports = createImports({ ...base, signer, blocks, repack, blobs, sequencer, repo })
  const importCar = createImportCar({
    ...base,
    imports,
    ours: signingKey.did,
    namedKey: async () => (await identityWatch.lookUp()).signingKey,
    assertNotRetained: () => lifecycle.assertNotRetained(),
    collectLater: () => maintenance.collectLater(),
  })
  const mayPull = policy['com.cirrus.admin.pullRepo'].who.admin
  const pulls = createPulls({
    ...base,
    send: outboundStream(platform, { dev }),
    imports,
    importCar,
    mayPull: () => mayPull.some((allowed) => allowed === state()),
    report: (cause) => logFailure('pull-failed', cause),
  })
  const preferences = createPreferences(base)
  const recentWrites = createRecentWrites({ sql, wanted: isPostOrProfile })
  const views = createViews({ ...base, records, recentWrites, cdnUrlPattern: config.cdnUrlPattern })

  const plcLedger = createPlcLedger(base)
  const identityWatch = createIdentityWatch({ ...base, identity, sequencer, plcLedger })
  const knownNetworks = createKnownNetworks(base)
  const rateLimits = createRateLimits({
    ...base,
    knownNetworks,
    writePointsPerHour: config.writePointsPerHour,
    uploadsPerDay: config.uploadsPerDay,
  })
  const failures = createFailures({ ...base, rateLimits })
  noteNewPassword({ ...base, tokens })
  const sessions = createSessions({ ...base, tokens })
  const appPasswords = createAppPasswords({ ...base, sessions })
  const passwords = createPasswords({ ...base, rateLimits, knownNetworks, appPasswords, passwordHash })
  const serviceAuth = createServiceAuth(base)
  const migrationTokens = createMigrationTokens({ ...base, rateLimits, identityWatch, watchMove })
  const verifyCredential = createVerifyCredential({
    ...base,
    adminPassword,
    tokens,
    sessions,
    rateLimits,
    knownNetworks,
    failures,
    migrationTokens,
    verifyMoveInToken: createMoveInTokenVerifier({ ...base, rateLimits, identityWatch }),
  })
  const assertStillValid = createStillValid({ platform, sessions, migrationTokens })
  const signInDeps = { ...base, email: config.email, passwords, failures, sessions, identityWatch }

  const plc = createPlcOperations({
    ...base,
    sequencer,
    plcLedger,
    identityWatch,
    migrationTokens,
    directory: identity.directory,
    recoveryKeys: config.recoveryKeys,
    watchMove,
  })
  const bucketBackups = createBucketBackups({
    ...base,
    repo,
    records,
    exports,
    blobs,
    preferences,
    readLog: (of) => identity.directory.log(of),
    daily: config.dailyBackup,
  })
  const eraser = createEraser({ ...base, hasNoBackup: bucketBackups.isErased })
  const lifecycle = createLifecycle({
    ...base,
    eraser,
    eraseSoon: () => maintenance.wake(0),
    identity,
    plc,
    signingKeys,
    hasRotationKey: config.hasRotationKey,
    watchMove,
    repo,
    blocks,
    sequencer,
    sessions,
    rateLimits,
    identityWatch,
    relays,
    passwords,
  })
  const statusDeps = {
    ...base,
    failures,
    signingKeys,
    startedAt: platform.now(),
    config,
    blocks,
    firehose,
    blobs,
    imports,
    identityWatch,
    plc,
    bucketBackups,
  }

  const maintenance = createMaintenance({
    ...base,
    eraser,
    backups: bucketBackups,
    pulls,
    repack,
    blobs,
    exports,
    sequencer,
    relays,
    firehose,
    retentionMs,
    alarms: ctx.storage,
    followDid: () => lifecycle.followDid(),
    report: (cause) => logFailure('maintenance-failed', cause),
  })
  // An erasure goes on after a crash.
  if (state() === 'deleted' && !eraser.isDone()) wake(0)
  if (bucketBackups.dueInMs() === 0) wake(BACKUP_AFTER_START_MS)
  if (pulls.isDue) wake(0)
  // A subscriber may have fallen behind before the object hibernated.
  firehose.resume()
  // The configuration may have changed since the network was last told,
  // and a change of the signing key may have been interrupted.
  if (identityWatch.needsAnnouncement() || signingKeys.next) wake(0)

  const authorizeBy = createAuthorizeBy({
    did,
    sql,
    verifyCredential,
    assertStillValid,
    state,
    assertNotFenced: () => assertNotFenced(base),
  })
  let lastRecordKey: string | undefined
  return {
    ...base,
    get handle() {
      return handle()
    },
    ownIdentity,
    config,
    identity,
    sequencer,
    firehose,
    relays,
    repo,
    records,
    blobs,
    exports,
    imports,
    importCar,
    pulls,
    preferences,
    rateLimits,
    failures,
    sessions,
    appPasswords,
    identityWatch,
    plcLedger,
    plc,
    lifecycle,
    migrationTokens,
    serviceAuth,
    views,
    handleCheck: createHandleCheck({ ...base, identity }),
    maintenance,
    bucketBackups,
    state,
    isActivated: () => readAccount(sql).storedState === 'active',
    counts: () => readCounts(sql),
    authorize: createAuthorize(authorizeBy),
    authorizeProxy: createAuthorizeProxy({ authorizeBy, serviceAuth, head: () => readHead(sql)?.rev }),
    signIn: (input) => signIn(signInDeps, input),
    status: () => readStatus(statusDeps),
    appViewReach: () => readAppViewReach({ ...base, serviceAuth, send, appView: config.services.appView }),
    manifest: () => signedManifest({ ...base, repo, records, blobs }),
    signStatement: (digest) => signedStatement(base, digest),
    checkMigration: (options) => checkMigration({ ...statusDeps, repo }, options),
    check: () => repo.exclusive(() => checkAccount({ ...base, blocks, blobs, repack })),
    nextRecordKey: () => (lastRecordKey = nextTid(platform.now(), lastRecordKey)),
    upgrade: () => {
      const { 0: client, 1: socket } = new WebSocketPair()
      return { socket, response: new Response(null, { status: 101, webSocket: client }) }
    },
  }
}
