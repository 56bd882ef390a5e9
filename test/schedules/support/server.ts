import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Buffer } from 'node:buffer'
import type { Account } from '../../../src/account/account.ts'
import type { AccountObject } from '../../../src/object.ts'
import type { Env } from '../../../src/config.ts'
import { loadRotationKey, loadSigningKey } from '../../../src/signing/keys.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { type FaultPoint, onFault } from '../../../src/fault.ts'
import type { MethodId } from '../../../src/generated/methods.ts'
import { createGenesis } from '../../../src/plc/build.ts'
import { overridePlatform } from '../../../src/platform.ts'
import { FakeDirectory } from '../../handlers/support/directory.ts'

// Bindings of the tests' deployment.
const bindings = env as unknown as Env & Record<'DID' | 'HANDLE' | 'HOSTNAME' | 'PLC_DIRECTORY_URL', string>
const ORIGIN = `https://${bindings.HOSTNAME}`
export const { DID } = bindings
export const ADMIN = `Basic ${Buffer.from(`admin:${String(bindings.ADMIN_PASSWORD)}`).toString('base64')}`
export const signingKey = await loadSigningKey(new Secret(String(bindings.SIGNING_KEY)))

const { operation: genesis } = await createGenesis(
  await loadRotationKey(new Secret(String(bindings.SIGNING_KEY))),
  {
    ...{ recoveryKeys: [String(bindings.RECOVERY_KEYS)], signingKey: signingKey.did },
    ...{ handle: bindings.HANDLE, endpoint: ORIGIN },
  },
)

/** What JSON.parse gives: the steps read any member of an answer. */
type Json = ReturnType<typeof JSON.parse>

export interface Answer {
  status: number
  body: Json
  bytes: Uint8Array
}

export interface Call {
  params?: Record<string, string>
  /** JSON, or bytes of the type given. */
  body?: unknown
  type?: string
  auth?: string
}

/** No answer arrived: the object died, before or after it did what was asked. */
export class Died extends Error {}

const POST = /\.(put|create|delete|apply|upload|import|sign|update|activate|deactivate|fence)[A-Z]/

/** The steps at which an object has died. */
export const diedAt = new Set<FaultPoint>()

/** The real object behind its real router. It can be killed at any named step. */
export class Server {
  // Later than any real clock, so that no alarm runs by itself.
  readonly clock = { now: Date.parse('2040-01-01T00:00:00.250Z') }
  readonly directory = new FakeDirectory(() => this.clock.now)
  readonly #name: string
  #stub: DurableObjectStub<AccountObject>
  #state: DurableObjectState | undefined
  /** How often the object has restarted. */
  lives = 0
  #armed: { point: FaultPoint; times: number; hard: boolean } | undefined
  #hard = false
  /** Whether it died at the armed step since the last restart. */
  #killed = false

  private constructor(name: string) {
    this.#name = name
    this.#stub = this.#connect()
    overridePlatform({
      now: () => this.clock.now,
      fetch: (async (input: string, init?: RequestInit) => {
        if (input.startsWith(bindings.PLC_DIRECTORY_URL)) return this.directory.fetch(input, init)
        throw new Error(`nobody answers at ${input}`)
      }) as typeof fetch,
    })
    onFault((name) => {
      const armed = this.#armed
      if (armed?.point !== name || --armed.times > 0) return
      this.#armed = undefined
      this.#killed = true
      diedAt.add(name)
      // A hard death: nothing after this line runs, and what was not yet on disk is lost. Otherwise the step fails
      // here, its cleanup runs, what it wrote stays, and then the object dies before anyone gets an answer.
      if (armed.hard) this.#state?.abort('killed by the schedule')
      throw new Error('killed by the schedule')
    })
  }

  static async start(name: string): Promise<Server> {
    const server = new Server(name)
    await server.directory.add(DID, genesis)
    await server.inside(() => {})
    return server
  }

  #connect(): DurableObjectStub<AccountObject> {
    const namespace = bindings.ACCOUNT as DurableObjectNamespace<AccountObject>
    return namespace.get(namespace.idFromName(this.#name))
  }

  /** Starts the object again: a stub cannot be used once its object has died. */
  async #again(): Promise<void> {
    this.lives++
    this.#stub = this.#connect()
    await this.inside(() => {})
  }

  /** Runs code inside the object. */
  inside<T>(work: (account: Account, object: AccountObject) => T | Promise<T>): Promise<T> {
    return runInDurableObject(this.#stub, (object, state) => {
      this.#state = state
      return work(object.account, object)
    })
  }

  /** Runs the alarm; throws `Died` if the object dies. */
  async alarm(): Promise<void> {
    await this.#orDied(() => this.inside((_, object) => object.alarm()))
    if (this.#killed) throw new Died()
  }

  /** Makes the object die when it reaches this step for the `times`th time. */
  arm(point: FaultPoint, times: number, hard: boolean): void {
    this.#armed = { point, times, hard }
    this.#hard = hard
  }

  get armed(): string | undefined {
    const { point, times, hard } = this.#armed ?? {}
    return point && `${hard ? 'killed' : 'failed and killed'} at ${point}${times === 1 ? '' : `, ${times}.`}`
  }

  disarm(): void {
    this.#armed = undefined
  }

  /** Whether the object died since the last call. If so, it is started again. */
  async died(): Promise<boolean> {
    const killed = this.#killed
    this.#killed = false
    if (killed && this.#hard) await this.#again()
    else if (killed) await this.abort()
    return killed
  }

  /** Kills the object between two requests; unless `synced`, what is not on disk yet is lost. */
  async abort(synced = true): Promise<void> {
    await this.inside(async () => {
      if (synced) await this.#state?.storage.sync()
      this.#state?.abort('killed by the schedule')
    }).catch(() => {})
    await this.#again()
  }

  /** Deletes everything in the bucket and on disk. */
  async wipe(): Promise<void> {
    onFault(undefined)
    await this.inside(async (account) => {
      const { objects } = await account.platform.bucket.list()
      await account.platform.bucket.delete(objects.map(({ key }) => key))
      await this.#state?.storage.deleteAlarm()
      await this.#state?.storage.deleteAll()
    })
  }

  /** Sends a request; throws `Died` if the object dies. */
  async call(id: MethodId, call: Call = {}): Promise<Answer> {
    const response = await this.stream(id, call)
    const bytes = await this.#orDied(async () => new Uint8Array(await response.arrayBuffer()))
    const json = response.headers.get('content-type')?.includes('json') === true
    return {
      status: response.status,
      bytes,
      body: json ? JSON.parse(Buffer.from(bytes).toString()) : undefined,
    }
  }

  /** The answer with its body unread. */
  async stream(id: MethodId, { params = {}, body, type, auth }: Call = {}): Promise<Response> {
    const headers: Record<string, string> = auth === undefined ? {} : { authorization: auth }
    const bytes = body instanceof Uint8Array ? body : body === undefined ? undefined : JSON.stringify(body)
    if (bytes !== undefined) headers['content-type'] = type ?? 'application/json'
    const url = `${ORIGIN}/xrpc/${id}?${new URLSearchParams(params)}`
    const init = {
      method: POST.test(id) ? 'POST' : 'GET',
      headers,
      ...(bytes === undefined ? {} : { body: bytes }),
    }
    const response = await this.#orDied(() => this.#stub.fetch(url, init))
    // A throw at the step may be answered before the death is noticed; the client never sees that answer.
    if (this.#killed) {
      await response.body?.cancel().catch(() => {})
      throw new Died()
    }
    if (response.status === 500) throw new Error(`${id}: internal error ${await response.text()}`)
    return response
  }

  async #orDied<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (this.#killed) throw new Died()
      throw cause
    }
  }
}
