/** The account, put together: every subject with what it needs, and nothing decided here. */
import type { Config } from '../config.ts'
import { loadRotationKey, loadSigningKey, type RotationKey, type SigningKey } from '../signing/keys.ts'
import { createSessionTokens } from '../signing/sessionTokens.ts'
import { createIdentity, type Identity } from '../identity/identity.ts'
import { outbound } from '../outbound.ts'
import type { Platform } from '../platform.ts'
import type { State } from '../policy.ts'
import { nextTid } from '../repo/tid.ts'
import type { Upgraded } from '../xrpc/types.ts'
import { authorizer, type Authorize } from './auth/authorize.ts'
import { Blobs } from './blobs/blobs.ts'
import { Blocks } from './blocks/blocks.ts'
import { check, type CheckReport } from './repo/check.ts'
import { Maintenance } from './maintenance.ts'
import { Exports } from './repo/exports.ts'
import { Firehose } from './events/firehose.ts'
import { IdentityWatch } from './identity/identityWatch.ts'
import { Imports } from './import/imports.ts'
import { incomingVerifier } from './auth/createAccountToken.ts'
import { Journal } from './journal.ts'
import { PlcLedger } from './plc/plcLedger.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { MigrationTokens } from './auth/migrationTokens.ts'
import { PlcOperations } from './plc/plcOperations.ts'
import { Preferences } from './preferences.ts'
import { RateLimits } from './auth/rateLimits.ts'
import { Records } from './repo/records.ts'
import { Relays } from './events/relays.ts'
import { Repo } from './repo/repo.ts'
import { migrate } from './db/schema.ts'
import { Sequencer } from './events/sequencer.ts'
import { ServiceAuth } from './auth/serviceAuth.ts'
import { Sessions, type Tokens } from './auth/sessions.ts'
import { signIn } from './auth/signIn.ts'
import { Sql } from './db/sql.ts'
import { readAccount, stateOf, readHead } from './db/accountRow.ts'
import { Repack } from './blocks/repack.ts'

export interface Account {
  did: string
  handle: string
  config: Config
  platform: Platform
  identity: Identity
  signingKey: SigningKey
  rotationKey: RotationKey
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
  preferences: Preferences
  rateLimits: RateLimits
  sessions: Sessions
  watch: IdentityWatch
  plcLedger: PlcLedger
  lifecycle: Lifecycle
  migrationTokens: MigrationTokens
  plc: PlcOperations
  serviceAuth: ServiceAuth
  maintenance: Maintenance
  state(): State
  authorize: Authorize
  signIn(input: Parameters<typeof signIn>[1]): Promise<Tokens>
  /** Recomputes everything that is derived, alone. */
  check(): Promise<CheckReport>
  /** A record key that no record has. */
  nextKey(): string
  /** A WebSocket that nobody has accepted yet. */
  upgrade(): Upgraded
}

/** Opens the account's storage, bringing its tables up to date, and wires the subjects. */
export async function createAccount(
  ctx: DurableObjectState,
  config: Config,
  platform: Platform,
): Promise<Account> {
  const { did, handle, serviceDid, origin, secrets } = config
  const signing = await loadSigningKey(secrets.signingKey)
  const rotation = await loadRotationKey(secrets.rotationKey)
  const signer = signing.commitKeypair(did)
  const identity = createIdentity(config, signing.did, platform)

  const sql = new Sql(ctx.storage)
  migrate(sql, did, platform.now())
  const journal = new Journal(sql, platform)
  const sequencer = new Sequencer(sql, platform, did, (event) => {
    firehose.publish(event)
    relays.noticed()
    maintenance.begin()
  })
  // In the background: what was asked for is done in any case, only perhaps later.
  const wake = (delay: number): void =>
    void maintenance.wake(delay).catch((cause: unknown) => console.error('no alarm could be set', cause))
  const firehose = new Firehose({ platform, sequencer, wake, sockets: ctx })
  const blocks = new Blocks(sql, platform)
  const records = new Records(blocks, () => readHead(sql))
  const repack = new Repack(sql, platform, blocks)
  const blobs = new Blobs(sql, platform, did)
  const repo = new Repo({
    ...{ sql, platform, did, signer, blocks, records, blobs, sequencer },
    endStalledImport: () => imports.endStalled(),
  })
  const exports = new Exports({ did, platform, blocks, repo })
  const imports: Imports = new Imports({
    sql,
    platform,
    did,
    signer,
    blocks,
    repack,
    blobs,
    sequencer,
    repo,
  })
  const preferences = new Preferences(sql)

  const state = (): State => stateOf(readAccount(sql))
  const tokens = createSessionTokens(secrets.session, secrets.passwordHash)
  const rate = new RateLimits(sql, platform)
  const sessions = new Sessions({ sql, tokens, platform, journal, did, serviceDid })
  const ledger = new PlcLedger(sql)
  const watch = new IdentityWatch({
    ...{ sql, platform, identity, sequencer, journal, ledger, did, handle, origin, signingKey: signing.did },
  })
  const passwordHash = secrets.passwordHash
  const { recoveryKeys, dev } = config
  const relays = new Relays({
    ...{ sql, platform, sequencer, wake, relays: config.relays, hostname: config.hostname },
    send: outbound(platform, { dev }),
    log: (line) => console.warn(line),
  })
  const lifecycle = new Lifecycle({
    ...{ sql, platform, repo, blocks, sequencer, journal, sessions, rate, watch, relays },
    ...{ did, handle, origin, signingKey: signing.did, passwordHash },
  })
  const maintenance = new Maintenance({
    ...{ sql, platform, repack, blobs, exports, sequencer, relays, firehose, retention: config.retention },
    ...{ alarms: ctx.storage, observe: () => lifecycle.follow() },
    report: (cause) => console.error('a chore failed', cause),
  })
  const migrationTokens = new MigrationTokens({
    ...{ sql, platform, journal, rate, watch, did, serviceDid, origin, dev },
    ...{ key: signing, rotationKey: rotation.did },
  })
  const plc = new PlcOperations({
    ...{ sql, platform, journal, sequencer, ledger, watch, did, handle, origin, recoveryKeys },
    ...{ directory: identity.directory, key: rotation, signingKey: signing.did },
  })
  const serviceAuth = new ServiceAuth({ sql, platform, journal, key: signing, did })
  const authorize = authorizer({
    ...{ sql, platform, did, serviceDid, tokens, sessions, rate, journal, state },
    signingKey: signing.did,
    adminPassword: secrets.adminPassword,
    tokensNotBefore: () => readAccount(sql).tokensNotBefore,
    verifyIncoming: incomingVerifier({ platform, identity, watch, did, serviceDid }),
  })

  // The configuration may have changed since the network was last told.
  if (watch.isAnnouncedOtherwise()) wake(0)

  let lastKey: string | undefined
  return {
    ...{
      did,
      handle,
      config,
      platform,
      identity,
      signingKey: signing,
      rotationKey: rotation,
      sql,
      journal,
      sequencer,
    },
    ...{ firehose, relays },
    ...{
      repo,
      records,
      blobs,
      exports,
      imports,
      preferences,
      rateLimits: rate,
      sessions,
      watch,
      plcLedger: ledger,
      lifecycle,
      migrationTokens,
    },
    ...{ plc, serviceAuth, maintenance },
    state,
    authorize,
    signIn: (input) =>
      signIn(
        { sql, rate, journal, sessions, did, handle, passwordHash, knownHandle: () => watch.last?.handle },
        input,
      ),
    check: () => repo.exclusive(() => check({ sql, did, blocks, blobs, journal, repack })),
    upgrade: () => {
      const { 0: client, 1: socket } = new WebSocketPair()
      return { socket, response: new Response(null, { status: 101, webSocket: client }) }
    },
    nextKey: () => (lastKey = nextTid(platform.now(), lastKey)),
  }
}
