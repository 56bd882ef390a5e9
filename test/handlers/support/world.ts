/** A whole account in an object of its own, its real router, and a network of the test's making. */
import { Buffer } from 'node:buffer'
import { scryptSync } from 'node:crypto'
import { decode } from '@atproto/lex-cbor'
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Account } from '../../../src/account/account.ts'
import { createAccount } from '../../../src/account/createAccount.ts'
import type { Credential } from '../../../src/account/auth/credential.ts'
import { type Client, connect, type Fetch } from '../../../src/client/index.ts'
import { readConfig, type Config, type Env } from '../../../src/config.ts'
import { verifyPassword } from '../../../src/crypto/password.ts'
import { createRouter } from '../../../src/generated/server.ts'
import { accountHandlers, workerHandlers } from '../../../src/handlers/index.ts'
import type { Identity } from '../../../src/identity/identity.ts'
import { BODY_TIMES, LIMITS } from '../../../src/limits.ts'
import type { Platform } from '../../../src/platform.ts'
import { answerOAuth } from '../../../src/oauth/answerOAuth.ts'
import { createGenesis } from '../../../src/plc/build.ts'
import { createProxy, type Proxy } from '../../../src/proxy/proxy.ts'
import type { ViewsRpc } from '../../../src/viewPlan.ts'
import { assertValidOutput } from '../../../src/xrpc/assertValidOutput.ts'
import { encodeError } from '../../../src/xrpc/output.ts'
import { createRuntime } from '../../../src/xrpc/runtime.ts'
import { FakeDirectory } from './directory.ts'
import { KILLED } from './faults.ts'
import { type Key, newKey, random } from './keys.ts'

export const ORIGIN = 'https://cirrus.example.com'
export const SERVICE = 'did:web:cirrus.example.com'
export const TARGET = 'https://new.example.com'
export const TARGET_DID = 'did:web:new.example.com'
/** The AppView of a world: `hosts` answers in its place. */
export const APP_VIEW = 'https://api.example.com did:web:api.example.com'
export const HANDLE = 'alice.example.com'
export const PASSWORD = 'correct horse battery'
export const ADMIN_PASSWORD = 'admin-canary-5fd1'

export interface World {
  /** Of the object that runs now: `restart` puts another in its place. */
  account: Account
  /** Forwards what is not served here; it belongs to `account`. */
  proxy: Proxy
  clock: { now: number }
  directory: FakeDirectory
  /** The account's key, which also rotates unless another was given. */
  key: Key
  recovery: Key
  did: string
  /** What the network answers beyond the directory. */
  hosts: Map<string, (url: URL, init?: RequestInit) => Response | Promise<Response>>
  /** The DIDs that handles have in the DNS: at first the account's. `cloudflare-dns.com` of `hosts` answers with them. */
  dns: Map<string, string>
  /** What rings after a time, and has not been stopped: the test rings it. */
  timers: Set<{ ms: number; ring: () => void }>
  /** The networks whose passwords were checked, in order. */
  checks: string[]
  /** Runs before each check of a password. */
  whileChecking: (() => Promise<void>) | undefined
  /** Causes of the answers with status 500. A world that has another than `KILLED` fails its test. */
  bugs: unknown[]

  /** Without a credential. */
  client: Client
  admin: Client
  /** With a token of any kind, which nothing renews. */
  bearer(token: string): Client
  /** Signs in with the password; the client refreshes its session by itself. */
  signIn(): Promise<Client>
  /** A request that the typed client cannot express. `path` begins with `/xrpc/`, or is one that apps call for OAuth. */
  fetch(path: string, init?: RequestInit): Promise<Response>

  /** The same storage in a new object, perhaps configured otherwise. */
  restart(changes?: Partial<Env>): Promise<void>
  /** Mints a migration token. */
  mint(input?: Parameters<Client['com']['cirrus']['admin']['createMigrationToken']>[0]): Promise<string>
  /** The head of the repository, as the administrator sees it. */
  head(): Promise<{ cid: string; rev: string }>
  /** The sequence number of the latest event. */
  latest(): number
  /** The types of the events after a sequence number, oldest first. */
  events(after?: number): string[]
  /** The events themselves. */
  announced(after: number): Record<string, unknown>[]
  /** The names of the journal's entries, oldest first. */
  journal(): string[]
}

export interface WorldOptions {
  /** Where the DID points in the beginning. */
  endpoint?: string
  /** Whether the account is activated. By default it is. */
  active?: boolean
  didWeb?: boolean
  /** The key in the DID document and that of the genesis, if it is not ours. */
  foreignKey?: boolean
  recoveryKeys?: boolean
  relays?: string
  /** Other variables of the Worker. */
  env?: Partial<Env>
}

let objects = 0
let hash: string | undefined

/** As `hashPassword` makes it, at a hundredth of the cost: most tests sign in. */
const cheapHash = (): string => {
  const [N, salt] = [1024, random(16)]
  const parts = [salt, scryptSync(PASSWORD, salt, 32, { N, r: 8, p: 1 })]
  return ['scrypt', N, 8, 1, ...parts.map((part) => Buffer.from(part).toString('base64url'))].join('$')
}

export const inWorld = async <T>(options: WorldOptions, work: (world: World) => Promise<T>): Promise<T> => {
  // Bindings of the test's wrangler.toml.
  const namespace = (env as unknown as Env).ACCOUNT
  const stub = namespace.get(namespace.idFromName(`world ${objects++}`))
  hash ??= cheapHash()
  const passwordHash = hash
  return await runInDurableObject(stub, async (_, ctx) => {
    await ctx.storage.deleteAll()
    await ctx.storage.deleteAlarm()
    // It would ring in the object that the test's own wrangler.toml has made, on the same storage: tests ring it.
    Object.assign(ctx.storage, { setAlarm: async () => {}, getAlarm: async () => null })
    const world = await build(ctx, options, passwordHash)
    try {
      const result = await work(world)
      const cause = world.bugs.find((bug) => bug !== KILLED)
      if (cause) throw new Error('a call ended with an internal error', { cause })
      return result
    } catch (error) {
      // The cause of a 500 explains a failed test better than the answer does.
      for (const bug of world.bugs) if (bug !== KILLED) console.error(bug)
      throw error
    }
  })
}

const build = async (
  ctx: DurableObjectState,
  options: WorldOptions,
  passwordHash: string,
): Promise<World> => {
  const clock = { now: Date.parse('2026-11-22T12:00:00.250Z') }
  const directory = new FakeDirectory(() => clock.now)
  const key = await newKey()
  const recovery = await newKey()
  const foreign = options.foreignKey ? await newKey() : key
  const { did, operation } = await createGenesis(foreign.rotation, {
    recoveryKeys: options.recoveryKeys === false ? [] : [recovery.did],
    signingKey: foreign.did,
    handle: HANDLE,
    endpoint: options.endpoint ?? ORIGIN,
  })
  await directory.add(did, operation)
  const dns = new Map([[HANDLE, options.didWeb ? SERVICE : did]])
  const hosts: World['hosts'] = new Map([
    [
      'cloudflare-dns.com',
      ({ searchParams }: URL) => {
        const name = searchParams.get('name') ?? ''
        const found = dns.get(name.replace(/^_atproto\./, ''))
        if (found === undefined) throw new Error(`nobody answers about ${name}`)
        return Response.json({ Answer: [{ type: 16, data: `"did=${found}"` }] })
      },
    ],
  ])
  const bindings = env as unknown as Env
  const variables: Env = {
    ...bindings,
    DID: options.didWeb ? SERVICE : did,
    HANDLE,
    HOSTNAME: 'cirrus.example.com',
    PLC_DIRECTORY_URL: directory.url,
    RECOVERY_KEYS: options.recoveryKeys === false ? '' : recovery.did,
    SIGNING_KEY: key.hex.reveal(),
    ROTATION_KEY: '',
    ADMIN_PASSWORD,
    PASSWORD_HASH: passwordHash,
    SESSION_SECRET: 'session-canary-'.padEnd(64, 'x'),
    DEV: '',
    RELAYS: options.relays ?? '',
    APPVIEW: APP_VIEW,
    MODERATION: '',
    CHAT: '',
    ...options.env,
  }
  const config = readConfig(variables)
  const timers: World['timers'] = new Set()
  const checks: string[] = []
  const platform: Platform = {
    now: () => clock.now,
    random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    matchesPassword: async (network, password, stored) => {
      checks.push(network)
      await world.whileChecking?.()
      return await verifyPassword(password, stored)
    },
    timer: (ms, ring) => {
      const entry = { ms, ring }
      timers.add(entry)
      return () => timers.delete(entry)
    },
    keepAlive: () => {},
    fetch: (async (input: string, init?: RequestInit) => {
      const url = new URL(input)
      if (url.origin === directory.url) return directory.fetch(input, init)
      const host = hosts.get(url.host)
      if (host) return host(url, init)
      throw new Error(`nobody answers at ${url.host}`)
    }) as typeof fetch,
    bucket: bindings.BLOBS,
  }
  const bugs: unknown[] = []
  const runtime = {
    limits: LIMITS,
    times: BODY_TIMES,
    timer: () => platform.timer,
    checkOutput: assertValidOutput,
    newId: () => 'bug',
    report: (_: string, cause: unknown) => bugs.push(cause),
  }
  const inAccount = createRouter(
    accountHandlers,
    createRuntime<{ account: Account }, Credential>({
      ...runtime,
      authorize: (id, request, { account }) => account.authorize(id, request),
    }),
  )
  const inWorker = createRouter(
    workerHandlers,
    createRuntime<{ config: Config; identity: Identity }, { kind: 'anyone'; grants: 'anyone' }>({
      ...runtime,
      authorize: async () => ({
        auth: { kind: 'anyone', grants: 'anyone' },
        anonymous: true,
        permit: () => {},
        act: (work) => work(),
      }),
      forward: async (request, _, id) =>
        (await world.proxy.answerServed(id, request)) ?? inAccount.fetch(request, { account: world.account }),
      unserved: (method, request) => world.proxy.answer(method, request),
    }),
  )
  const askAccount = async (question: Request): Promise<Response> => {
    try {
      return Response.json(await world.account.authorizeProxy(question))
    } catch (cause) {
      return encodeError(cause, runtime.newId, runtime.report)
    }
  }
  const views: ViewsRpc = {
    planView: async (request) => world.account.views.plan(request),
    mergeView: async (...merge) => world.account.views.merge(...merge),
  }
  const proxyOf = ({ config, identity }: Account): Proxy =>
    createProxy({ config, identity, platform, askAccount, views, newId: () => crypto.randomUUID() })
  const send: Fetch = async (url, init) => {
    const { config, identity } = world.account
    const request = new Request(url, init)
    return (
      (await answerOAuth(world.account, request, runtime)) ?? inWorker.fetch(request, { config, identity })
    )
  }
  const client = connect(ORIGIN, { fetch: send })
  const admin = connect(ORIGIN, { fetch: send, admin: { password: ADMIN_PASSWORD } })
  const account = await createAccount(ctx, config, platform)
  const world: World = {
    account,
    proxy: proxyOf(account),
    did: config.did,
    clock,
    directory,
    key,
    recovery,
    hosts,
    dns,
    timers,
    checks,
    whileChecking: undefined,
    bugs,
    client,
    admin,
    bearer: (token) => connect(ORIGIN, { fetch: send, token }),
    signIn: () => client.login({ identifier: HANDLE, password: PASSWORD }),
    fetch: (path, init = {}) => send(ORIGIN + path, init),
    restart: async (changes = {}) => {
      world.account = await createAccount(ctx, readConfig({ ...variables, ...changes }), platform)
      world.proxy = proxyOf(world.account)
    },
    mint: async (input = {}) => (await admin.com.cirrus.admin.createMigrationToken(input)).token,
    head: () => admin.com.atproto.sync.getLatestCommit({ did: config.did }),
    latest: () => world.account.sequencer.latest(),
    events: (after = 0) => world.account.sequencer.read(after, 1000).map(({ type }) => type),
    announced: (after) =>
      world.account.sequencer
        .read(after, 1000)
        .map(({ type, body }) => ({ type, ...(decode(body) as Record<string, unknown>) })),
    journal: () =>
      world.account.journal
        .page({ limit: 1000 })
        .entries.map(({ event }) => event)
        .toReversed(),
  }
  if (options.active !== false) await admin.com.atproto.server.activateAccount()
  return world
}
