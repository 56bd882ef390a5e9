// The child process in which one AppView runs, with its Postgres. appview.ts starts it and speaks with it over IPC.
import { once } from 'node:events'
import { createServer, Server } from 'node:net'

import type { Answer } from '../../support/child.ts'
import type { BskyModule, BsyncModule, CryptoModule, PlcModule, Subscription } from './bsky.ts'
import { startPostgres, type Postgres } from './postgres.ts'
import type { Booted, Question } from './protocol.ts'

const SCHEMA = 'appview'
const BSYNC_SCHEMA = 'bsync'
const SETTLE_MS = 60_000

/** Its servers bind every interface, and none of them can be told otherwise: keep them on loopback. */
function bindLoopbackOnly(): void {
  // Of the many overloads of `listen`, only the one with a port and no host is changed.
  const listen = Server.prototype.listen as (this: Server, ...args: unknown[]) => Server
  const onLoopback = function (this: Server, ...args: unknown[]): Server {
    const [port, host] = args
    const bindsAll = typeof port === 'number' && typeof host !== 'string'
    return bindsAll ? listen.call(this, port, '127.0.0.1', ...args.slice(1)) : listen.apply(this, args)
  }
  Server.prototype.listen = onLoopback as typeof Server.prototype.listen
}

/** Free ports, all of them held until there are enough, so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer().listen(0, '127.0.0.1')
      await once(holder, 'listening')
      return holder
    }),
  )
  const ports = holders.map((holder) => {
    const address = holder.address()
    if (address === null || typeof address === 'string') throw new Error('there is no free port')
    return address.port
  })
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))))
  return ports
}

/** A specifier that TypeScript cannot follow: the package is in this folder's own node_modules, or not installed. */
const load = async <T>(specifier: string): Promise<T> => (await import(specifier)) as T

async function boot(plcUrl: string, postgres: Postgres) {
  const bsky = await load<BskyModule>('@atproto/bsky')
  const bsync = await load<BsyncModule>('@atproto/bsync')
  const { Secp256k1Keypair } = await load<CryptoModule>('@atproto/crypto')
  const plc = await load<PlcModule>('@did-plc/lib')

  const [port = 0, dataPort = 0, bsyncPort = 0] = await freePorts(3)
  const url = `http://localhost:${port}`
  const key = await Secp256k1Keypair.create()
  const directory = new plc.Client(plcUrl)
  const did = await directory.createDid({
    signingKey: key.did(),
    rotationKeys: [key.did()],
    handle: 'appview.test',
    pds: url,
    signer: key,
  })
  await directory.updateData(did, key, (data) => ({
    ...data,
    services: {
      ...data.services,
      bsky_appview: { type: 'BskyAppView', endpoint: url },
      bsky_notif: { type: 'BskyNotificationService', endpoint: url },
    },
  }))

  const database = { url: postgres.url, schema: SCHEMA }
  const migration = new bsky.Database(database)
  await migration.migrateToLatestOrThrow()
  await migration.close()
  const apiKey = 'bsync-key'
  const sync = await bsync.BsyncService.create(
    bsync.envToCfg({
      port: bsyncPort,
      apiKeys: [apiKey],
      dbUrl: postgres.url,
      dbSchema: BSYNC_SCHEMA,
      dbPoolSize: 3,
    }),
  )
  // Its own client speaks gRPC over HTTP/2, which the data plane does only behind a proxy.
  sync.ctx.dataplaneClients.push({
    updateNotificationSeen: async ({ actorDid, timestamp }) => {
      const answer = await fetch(`http://localhost:${dataPort}/bsky.Service/UpdateNotificationSeen`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ actorDid, timestamp: timestamp.toDate().toISOString() }),
      })
      if (!answer.ok) throw new Error(`UpdateNotificationSeen: ${answer.status} ${await answer.text()}`)
    },
  })
  await sync.ctx.db.migrateToLatestOrThrow()
  await sync.start()

  const db = new bsky.Database({ ...database, poolSize: 10 })
  const dataplane = await bsky.DataPlaneServer.create(db, dataPort, plcUrl, globalThis.fetch)
  const config = new bsky.ServerConfig({
    version: 'test',
    debugMode: true,
    port,
    publicUrl: url,
    serverDid: did,
    alternateAudienceDids: [],
    didPlcUrl: plcUrl,
    dataplaneUrls: [`http://localhost:${dataPort}`],
    dataplaneHttpVersion: '1.1',
    bsyncUrl: `http://localhost:${bsyncPort}`,
    bsyncHttpVersion: '1.1',
    bsyncApiKey: apiKey,
    courierHttpVersion: '1.1',
    rolodexHttpVersion: '1.1',
    modServiceDid: 'did:example:moderation',
    labelsFromIssuerDids: [],
    adminPasswords: ['admin'],
    disableSsrfProtection: true,
    etcdHosts: [],
    bigThreadUris: new Set(),
    maxThreadParents: 50,
    searchTagsHide: new Set(),
    searchTagsHideAll: new Set(),
    threadTagsBumpDown: new Set(),
    threadTagsHide: new Set(),
    visibilityTagHide: '',
    visibilityTagRankPrefix: '',
    debugFieldAllowedDids: new Set(),
    draftsLimit: 500,
    feedGenSkeletonTimeout: 5_000,
    irisFeedUris: new Set(),
    irisStagingFeedUris: new Set(),
  })
  const server = bsky.BskyAppView.create({ config, signingKey: key })
  const bsyncSubscription = new bsky.BsyncSubscription({ config, db })

  const hosts: string[] = []
  const subscriptions: Subscription[] = []
  let paused = false
  // `.test` handles are in no DNS: the servers that it follows resolve them.
  const resolve = async (handle: string): Promise<string | undefined> => {
    for (const host of hosts) {
      const answer = await fetch(`${host}/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`)
      const found: unknown = await answer.json()
      if (answer.ok && typeof found === 'object' && found !== null && 'did' in found) return String(found.did)
    }
    return undefined
  }
  for (const resolver of [dataplane.idResolver, server.ctx.idResolver])
    if (resolver) resolver.handle.resolve = resolve

  await server.start()
  bsyncSubscription.start()

  const newest = async (table: string): Promise<string | undefined> => {
    const { rows } = await sync.ctx.db.pool.query(`select max(id) as id from ${BSYNC_SCHEMA}.${table}`)
    const id = rows[0]?.['id']
    return id === null || id === undefined ? undefined : String(id)
  }
  const indexedRevs = async () => {
    const { rows } = await db.pool.query(`select did, "repoRev" as rev from ${SCHEMA}.actor_sync`)
    return new Map(rows.map(({ did: of, rev }) => [String(of), String(rev ?? '')]))
  }

  return {
    url,
    did,
    follow: (pdsUrl: string) => {
      hosts.push(pdsUrl)
      const service = pdsUrl.replace(/^http/, 'ws')
      const subscription = new bsky.RepoSubscription({ service, db, idResolver: dataplane.idResolver })
      subscriptions.push(subscription)
      if (!paused) void subscription.start()
    },
    pause: async () => {
      paused = true
      await Promise.all(subscriptions.map((subscription) => subscription.stop()))
    },
    resume: () => {
      paused = false
      for (const subscription of subscriptions) void subscription.start()
    },
    /** Until each repository is indexed up to its revision, and what users keep at the AppView itself too. */
    settle: async (revs: Readonly<Record<string, string>>) => {
      const deadline = performance.now() + SETTLE_MS
      for (const [of, rev] of Object.entries(revs))
        while (((await indexedRevs()).get(of) ?? '') < rev) {
          if (performance.now() > deadline) throw new Error(`the AppView has not indexed ${of} up to ${rev}`)
          await new Promise((later) => setTimeout(later, 20))
        }
      // A revision is noted beside its records, not after them.
      await Promise.all(subscriptions.map((subscription) => subscription.processAll()))
      await bsyncSubscription.processAll(
        { op: await newest('operation'), mute: await newest('mute_op'), notif: await newest('notif_op') },
        SETTLE_MS,
      )
    },
    stop: async () => {
      for (const part of [server, bsyncSubscription, dataplane, ...subscriptions, sync])
        await part.destroy().catch(() => undefined)
      await db.close().catch(() => undefined)
    },
  }
}

let postgres: Postgres | undefined
let running: Awaited<ReturnType<typeof boot>> | undefined

let ending: Promise<void> | undefined
/** The first of several reasons to end does it, and the others wait for it. */
const ended = (): Promise<void> =>
  (ending ??= (async () => {
    // Queries that its parts have begun and do not wait for end with the connection.
    process.on('unhandledRejection', () => undefined)
    await running?.stop()
    await postgres?.stop()
  })())

async function answer(question: Question): Promise<unknown> {
  if (question.ask === 'boot') {
    postgres = await startPostgres(question.directory)
    running = await boot(question.plcUrl, postgres)
    return { url: running.url, did: running.did, postgresPid: postgres.pid } satisfies Booted
  }
  if (question.ask === 'stop') return ended()
  if (!running) throw new Error('it was not started')
  if (question.ask === 'follow') return running.follow(question.pdsUrl)
  if (question.ask === 'settle') return running.settle(question.revs)
  if (question.ask === 'pause') return running.pause()
  return running.resume()
}

bindLoopbackOnly()
process.on('message', (question: Question) => {
  const send = (answered: Omit<Answer, 'id'>) => process.send?.({ id: question.id, ...answered })
  answer(question).then(
    (value) => send({ value: value ?? null }),
    (cause: unknown) =>
      send({ failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }),
  )
})
// Never outlive the tests, nor leave a Postgres behind.
process.on('disconnect', () => void ended().finally(() => process.exit(0)))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void ended().finally(() => process.exit(0)))
