import type { Config } from '../config.ts'
import { loadRotationKey, loadSigningKey } from '../signing/keys.ts'
import { logFailure } from '../log.ts'
import { createIdentity } from '../identity/identity.ts'
import type { OwnIdentity } from '../identity/ownIdentity.ts'
import { outbound } from '../outbound.ts'
import { outboundStream } from '../outboundStream.ts'
import type { Platform } from '../platform.ts'
import type { State } from '../policy.ts'
import { nextTid } from '../repo/tid.ts'
import { KEPT_BACKUPS } from '../bucketBackup.ts'
import type { Account } from './account.ts'
import { createAuth } from './auth/auth.ts'
import { createBlobs } from './blobs/blobs.ts'
import { createBucketBackups } from './backup/bucketBackups.ts'
import { Blocks } from './blocks/blocks.ts'
import { createRepack } from './blocks/packs/repack.ts'
import { readAccount, readElsewhereDid, readHandle, stateOf } from './db/accountRow.ts'
import { readCounts } from './db/head.ts'
import { migrate } from './db/schema.ts'
import { Sql } from './db/sql.ts'
import { createEvents } from './events/events.ts'
import { createRecentWrites } from './events/recentWrites.ts'
import { createHandleCheck } from './identity/handleCheck.ts'
import { createSigningKeys } from './identity/signingKeys.ts'
import { createIdentityWatch } from './identity/identityWatch.ts'
import { createIncoming } from './import/incoming.ts'
import { guardLocation } from './guardLocation.ts'
import { createJournal } from './journal.ts'
import { createEraser } from './lifecycle/erase.ts'
import { assertNotFenced } from './lifecycle/fence.ts'
import { createLifecycle } from './lifecycle/lifecycle.ts'
import { createMaintenance } from './maintenance.ts'
import { createOAuth } from './oauth/oauth.ts'
import { createPlcLedger } from './plc/plcLedger.ts'
import { createPlcOperations } from './plc/plcOperations.ts'
import { createPreferences } from './preferences.ts'
import { checkAccount } from './repo/checkAccount.ts'
import { createExports } from './repo/exports/exports.ts'
import { signedManifest } from './repo/signedManifest.ts'
import { signedStatement } from './lifecycle/signedStatement.ts'
import { createRecords } from './repo/records.ts'
import { createRepo } from './repo/repo.ts'
import { readAppViewReach } from './status/appViewReach.ts'
import { checkMigration } from './status/checkMigration.ts'
import { createCopies } from './status/copies.ts'
import { readStatus } from './status/readStatus.ts'
import { isPostOrProfile } from './views/localRecords.ts'
import { createViews } from './views/views.ts'

const DAY_MS = 24 * 3600_000
/** A backup that is due waits until the requests that woke the object are answered. */
const BACKUP_AFTER_START_MS = 10_000

/** Opens the account's storage, brings its tables up to date, and wires the services. Nothing is decided here. */
export async function createAccount(
  ctx: DurableObjectState,
  config: Config,
  platform: Platform,
): Promise<Account> {
  const { did, origin, serviceDid, previous, retentionMs, dev, secrets } = config
  const configured = await loadSigningKey(secrets.signingKey)
  const waiting = secrets.nextSigningKey && (await loadSigningKey(secrets.nextSigningKey, 'NEXT_SIGNING_KEY'))
  const rotationKey = await loadRotationKey(secrets.rotationKey)

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
  const send = outbound(platform, { dev })
  const { sequencer, firehose, relays } = createEvents({
    ...base,
    config,
    send,
    sockets: ctx,
    wake,
    noteEvent: () => maintenance.noteEvent(),
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
  const { imports, importCar, pulls, uploads } = createIncoming({
    ...base,
    signer,
    blocks,
    repack,
    blobs,
    sequencer,
    repo,
    ours: signingKey.did,
    namedKey: async () => (await identityWatch.lookUp()).signingKey,
    assertNotRetained: () => lifecycle.assertNotRetained(),
    collectLater: () => maintenance.collectLater(),
    send: outboundStream(platform, { dev }),
    state,
  })
  const preferences = createPreferences(base)
  const recentWrites = createRecentWrites({ sql, wanted: isPostOrProfile })
  const views = createViews({ ...base, records, recentWrites, cdnUrlPattern: config.cdnUrlPattern })

  const plcLedger = createPlcLedger(base)
  const identityWatch = createIdentityWatch({ ...base, identity, sequencer, plcLedger })
  const oauth = createOAuth({
    ...base,
    config,
    send,
    state,
    resolveDid: identity.resolveDid,
    records,
  })
  const { passwords, ...auth } = createAuth({
    ...base,
    config,
    identityWatch,
    oauth,
    state,
    watchMove,
    assertNotFenced: () => assertNotFenced(base),
  })

  const plc = createPlcOperations({
    ...base,
    sequencer,
    plcLedger,
    identityWatch,
    migrationTokens: auth.migrationTokens,
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
    sessions: auth.sessions,
    rateLimits: auth.rateLimits,
    identityWatch,
    relays,
    passwords,
  })
  const statusDeps = {
    ...base,
    failures: auth.failures,
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
    oauth,
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
    copies: createCopies(base),
    imports,
    importCar,
    pulls,
    uploads,
    preferences,
    ...auth,
    oauth,
    identityWatch,
    plcLedger,
    plc,
    lifecycle,
    views,
    handleCheck: createHandleCheck({ ...base, identity }),
    maintenance,
    bucketBackups,
    state,
    isActivated: () => readAccount(sql).storedState === 'active',
    counts: () => readCounts(sql),
    status: () => readStatus(statusDeps),
    appViewReach: () => readAppViewReach({ ...base, ...auth, send, appView: config.services.appView }),
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
