/** A whole account in an object of its own, its real router, and a network of the test's making. */
import { readCarWithRoot } from '@atproto/repo'
import { type Commit, parseCommit } from '../../../src/repo/commit.ts'
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Buffer } from 'node:buffer'
import { type Account, createAccount } from '../../../src/account/account.ts'
import type { Credential } from '../../../src/account/auth/credential.ts'
import { readConfig, type Config, type Env } from '../../../src/config.ts'
import { generateKey } from '../../../src/crypto/privateKey.ts'
import {
  loadRotationKey,
  loadSigningKey,
  type RotationKey,
  type SigningKey,
} from '../../../src/signing/keys.ts'
import { hashPassword } from '../../../src/crypto/password.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import type { MethodId } from '../../../src/generated/methods.ts'
import { createRouter } from '../../../src/generated/server.ts'
import { accountHandlers } from '../../../src/handlers/index.ts'
import { LIMITS } from '../../../src/limits.ts'
import type { Platform } from '../../../src/platform.ts'
import { createGenesis } from '../../../src/plc/build.ts'
import { createRuntime } from '../../../src/xrpc/runtime.ts'
import { FakeDirectory } from './directory.ts'

export const ORIGIN = 'https://cirrus.example.com'
export const SERVICE = 'did:web:cirrus.example.com'
export const TARGET = 'https://new.example.com'
export const TARGET_DID = 'did:web:new.example.com'
export const HANDLE = 'alice.example.com'
export const PASSWORD = 'correct horse battery'
export const ADMIN_PASSWORD = 'admin-canary-5fd1'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

export interface Key {
  hex: Secret
  signing: SigningKey
  rotation: RotationKey
  did: string
}

export const newKey = async (): Promise<Key> => {
  const hex = await generateKey(random)
  const signing = await loadSigningKey(hex)
  return { hex, signing, rotation: await loadRotationKey(hex), did: signing.did }
}

/** What JSON.parse gives: tests look into answers freely. */
export type Json = ReturnType<typeof JSON.parse>

export interface Answer {
  status: number
  error: string | undefined
  message: string
  body: Json
  headers: Headers
}

export interface Call {
  params?: Record<string, string>
  body?: unknown
  auth?: string
  headers?: Record<string, string>
}

export interface World {
  account: Account
  config: Config
  clock: { now: number }
  directory: FakeDirectory
  /** The account's key, which also rotates unless another was given. */
  key: Key
  recovery: Key
  did: string
  /** What the network answers beyond the directory. */
  hosts: Map<string, (url: URL, init?: RequestInit) => Response>
  /** Internal errors, which no test expects. */
  bugs: unknown[]
  call(id: MethodId, call?: Call): Promise<Answer>
  /** The same storage in a new object, perhaps configured otherwise. */
  restart(changes?: Partial<Env>): Promise<void>
  admin: string
  /** Signs in; the Authorization header of the access token. */
  signIn(): Promise<{ access: string; refresh: string; accessJwt: string; refreshJwt: string }>
  /** Mints a token. */
  mint(body?: object): Promise<string>
  events(): string[]
  journal(): string[]
}

export interface WorldOptions {
  /** Where the DID points in the beginning. */
  endpoint?: string
  /** The account is activated. */
  active?: boolean
  didWeb?: boolean
  rotationKeys?: (keys: { ours: string; recovery: string }) => string[]
  /** The key in the DID document and that of the genesis, if it is not ours. */
  foreignKey?: boolean
  recoveryKeys?: boolean
  alsoKnownAs?: string
  relays?: string
}

let objects = 0
let hash: Promise<string> | undefined

export const inWorld = async <T>(options: WorldOptions, work: (world: World) => Promise<T>): Promise<T> => {
  // Bindings of the test's wrangler.toml.
  const namespace = (env as unknown as Env).ACCOUNT
  const stub = namespace.get(namespace.idFromName(`world ${objects++}`))
  hash ??= hashPassword(new Secret(PASSWORD), random(16))
  const passwordHash = await hash
  return await runInDurableObject(stub, async (_, ctx) => {
    await ctx.storage.deleteAll()
    await ctx.storage.deleteAlarm()
    return await work(await build(ctx, options, passwordHash))
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
    handle: options.alsoKnownAs ?? HANDLE,
    endpoint: options.endpoint ?? ORIGIN,
  })
  await directory.add(did, operation)
  const hosts: World['hosts'] = new Map()
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
  }
  const config = readConfig(variables)
  const platform: Platform = {
    now: () => clock.now,
    random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
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
  const router = createRouter(
    accountHandlers,
    createRuntime<{ account: Account }, Credential>({
      authorize: (id, request, context) => context.account.authorize(id, request),
      limits: LIMITS,
      validateOutput: true,
      newId: () => 'bug',
      report: (_, cause) => bugs.push(cause),
    }),
  )
  const world: World = {
    account: await createAccount(ctx, config, platform),
    ...{ config, clock, directory, key, recovery, hosts, bugs, did: config.did },
    admin: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`,
    restart: async (changes = {}) => {
      world.account = await createAccount(ctx, readConfig({ ...variables, ...changes }), platform)
    },
    call: async (id, { params = {}, body, auth, headers: more = {} } = {}) => {
      const url = `${ORIGIN}/xrpc/${id}?${new URLSearchParams(params)}`
      const post = PROCEDURES.test(id)
      const headers = new Headers(auth ? { ...more, authorization: auth } : more)
      const stream = body instanceof Uint8Array
      if (body !== undefined)
        headers.set('content-type', stream ? 'application/vnd.ipld.car' : 'application/json')
      const init = body === undefined ? {} : { body: stream ? body : JSON.stringify(body) }
      const request = new Request(url, { method: post ? 'POST' : 'GET', headers, ...init })
      const response: Response = await router.fetch(request, { account: world.account })
      const json = response.headers.get('content-type')?.includes('json')
      const answer = json ? await response.json<Json>() : new Uint8Array(await response.arrayBuffer())
      if (response.status === 500) throw new Error(`${id}: internal error`, { cause: bugs.at(-1) })
      const { error, message = '' } = json && response.status >= 400 ? answer : {}
      return { status: response.status, error, message, body: answer, headers: response.headers }
    },
    signIn: async () => {
      const { body, status } = await world.call('com.atproto.server.createSession', {
        body: { identifier: HANDLE, password: PASSWORD },
      })
      if (status !== 200) throw new Error(JSON.stringify(body))
      const { accessJwt, refreshJwt } = body
      return { access: `Bearer ${accessJwt}`, refresh: `Bearer ${refreshJwt}`, accessJwt, refreshJwt }
    },
    mint: async (body = {}) => {
      const answer = await world.call('com.cirrus.admin.createMigrationToken', { body, auth: world.admin })
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
      return answer.body.token
    },
    events: () => world.account.sequencer.read(0, 1000).map(({ type }) => type),
    journal: () =>
      world.account.journal
        .page({ limit: 1000 })
        .entries.map(({ event }) => event)
        .toReversed(),
  }
  if (options.active !== false) {
    const answer = await world.call('com.atproto.server.activateAccount', { auth: world.admin })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  }
  return world
}

const PROCEDURES =
  /\.(put|create|delete|apply|upload|import|sign|submit|request|activate|deactivate|refresh|revoke|void|emit)[A-Z]/

/** The operation that a target asks for: its endpoint and its key. */
export const moveTo = (key: Key, endpoint = TARGET) => ({
  rotationKeys: [key.did],
  verificationMethods: { atproto: key.did },
  services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } },
})

export const targeted = { target: TARGET, audience: TARGET_DID }
export const bearer = (token: string) => `Bearer ${token}`

/** The commit at the head of the repository. */
export const latestCommit = async ({ account }: World): Promise<Commit> => {
  const { blocks, root } = await readCarWithRoot(account.repo.commitCar())
  return parseCommit(blocks.get(root) ?? new Uint8Array())
}
