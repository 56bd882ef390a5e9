/** An account in an object of its own to which sockets connect, and subscribers that decode every frame. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { decodeAll } from '@atproto/lex-cbor'
import { expect } from 'vitest'
import type { Account } from '../../../src/account/account.ts'
import type { AccountObject } from '../../../src/object.ts'
import type { Env } from '../../../src/config.ts'
import { overridePlatform, type Platform } from '../../../src/platform.ts'
import { FakeDirectory } from '../../handlers/support/directory.ts'
import { deployment } from '../../support/deployment.ts'

const ENDPOINT = 'https://pds.example.com/xrpc/com.atproto.sync.subscribeRepos'

export interface Frame {
  header: { op: number; t?: string }
  // Tests look into messages freely.
  body: ReturnType<typeof JSON.parse>
}

export class Subscription {
  readonly frames: Frame[] = []
  readonly socket: WebSocket
  closed: { code: number; reason: string } | undefined
  #reading = false
  #changed = Promise.withResolvers<void>()

  constructor(socket: WebSocket, reads: boolean) {
    this.socket = socket
    if (reads) this.read()
  }

  /** Accepts messages from now on. */
  read(): this {
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }) => {
      if (!(data instanceof ArrayBuffer)) throw new Error('a frame is binary')
      const [header, body, ...rest] = decodeAll(new Uint8Array(data))
      expect(rest).toEqual([])
      this.frames.push({ header: header as unknown as Frame['header'], body })
      this.#change()
    })
    this.socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason }
      this.#change()
    })
    this.socket.accept()
    this.#reading = true
    return this
  }

  get seqs(): number[] {
    return this.frames.flatMap(({ body }) => (typeof body.seq === 'number' ? [body.seq] : []))
  }

  get types(): string[] {
    return this.frames.map(({ header, body }) => header.t ?? `error ${body.error}`)
  }

  get last(): number {
    return this.seqs.at(-1) ?? 0
  }

  /** Waits until the condition holds. */
  async until(condition: () => boolean, what: string, ms = 120_000): Promise<void> {
    const late = AbortSignal.timeout(ms)
    while (!condition()) {
      if (late.aborted) throw new Error(`${what}: not after ${ms} ms; ${this.frames.length} frames`)
      await Promise.race([this.#changed.promise, new Promise((resolve) => setTimeout(resolve, 100))])
    }
  }

  close(): void {
    if (!this.#reading) this.read()
    this.socket.close(1000)
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }
}

export interface Server {
  stub: DurableObjectStub
  directory: FakeDirectory
  requests: { url: string; body: string }[]
  connect(cursor?: number | string, reads?: boolean, network?: string): Promise<Subscription>
  /** Runs a function inside the object. */
  inside<T>(work: (account: Account, object: AccountObject) => Promise<T> | T): Promise<T>
  /** Evicts the object: its memory is lost, its sockets hibernate. */
  evict(): Promise<void>
  alarm(): Promise<void>
  /** The object dies as in a crash: its sockets close. */
  abort(): Promise<void>
}

export interface ServerOptions {
  active?: boolean
  platform?: Partial<Platform>
  /** What other hosts than the directory answer. */
  answer?: (url: URL, init?: RequestInit) => Response | Promise<Response>
}

let servers = 0

/** A new account, active unless `active` is false. */
export const serve = async (options: ServerOptions = {}): Promise<Server> => {
  const { did, genesis } = await deployment()
  const directory = new FakeDirectory(() => Date.now())
  await directory.add(did, genesis)
  const requests: Server['requests'] = []
  overridePlatform({
    fetch: (async (input: string, init?: RequestInit) => {
      if (input.startsWith(directory.url)) return directory.fetch(input, init)
      requests.push({ url: input, body: String(init?.body) })
      return (await options.answer?.(new URL(input), init)) ?? new Response('nobody', { status: 404 })
    }) as typeof fetch,
    ...options.platform,
  })
  // Bindings of the test's wrangler.toml.
  const namespace = (env as unknown as Env).ACCOUNT
  const id = namespace.idFromName(`firehose ${servers++}`)
  const server: Server = {
    stub: namespace.get(id),
    directory,
    requests,
    connect: async (cursor, reads = true, network) => {
      const url = cursor === undefined ? ENDPOINT : `${ENDPOINT}?cursor=${cursor}`
      const { webSocket, status } = await server.stub.fetch(url, {
        headers: { upgrade: 'websocket', ...(network !== undefined && { 'cf-connecting-ip': network }) },
      })
      if (!webSocket) throw new Error(`no WebSocket: ${status}`)
      return new Subscription(webSocket, reads)
    },
    inside: (work) =>
      runInDurableObject(server.stub, (object) => {
        // The object's class is the Worker's.
        const it = object as unknown as AccountObject
        return work(it.account, it)
      }),
    evict: () => evictDurableObject(server.stub),
    alarm: async () => void (await runDurableObjectAlarm(server.stub)),
    abort: async () => {
      await runInDurableObject(server.stub, (_, state) => state.abort('killed by the test')).catch(() => {})
      server.stub = namespace.get(id)
    },
  }
  if (options.active !== false) await server.inside((account) => account.lifecycle.activate())
  return server
}

/** Expects every number from the first to the last, once each and in order. */
export const expectDense = (subscription: Subscription, from: number, to: number): void => {
  const { seqs } = subscription
  const wrong = seqs.findIndex((seq, index) => seq !== from + index)
  expect(wrong, `${seqs[wrong]} after ${seqs[wrong - 1]}`).toBe(-1)
  expect([seqs[0], seqs.at(-1), seqs.length]).toEqual([from, to, to - from + 1])
}
